//! A request without a connection: one datagram each way (WAP-230 clause 7.2).
//!
//! Nothing is acknowledged, so a request that does no harm twice leaves up to three times, and a
//! submission once.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::super::url::address;
use super::super::watch::WAITING;
use super::super::{Answer, Call, Failure, Hook, Timeouts, TransportError};
use super::exchange::answer_of;
use crate::codec::wsp::pdu::{Pdu, Unit};
use crate::model::{Stage, StageSink};
use crate::net::{Datagrams, Net, NetError};

/// How long an answer is waited for before a request that may is sent again.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How often one leaves.
const MAX_TIMES: u32 = 3;
/// Tells the answer from that of another request; each has a socket of its own besides.
const TRANSACTION: u8 = 1;

/// Makes the request.
pub(super) async fn ask(
    net: &dyn Net,
    (host, port): (&str, u16),
    request: Pdu,
    call: &Call,
    hook: &mut Option<Hook<'_>>,
    timeouts: &Timeouts,
    stages: &StageSink,
) -> Result<Answer, Failure> {
    let datagram = Unit { transaction_id: TRANSACTION, pdu: request }.encode();
    let before = |error: NetError| Failure::Before(TransportError::Net(error));
    let ip = match address(host) {
        Some(address) => address,
        None => {
            let found = net.resolve(host, timeouts.resolve).await.map_err(before)?;
            let nobody = || before(NetError::NameNotFound { name: host.to_owned() });
            *found.first().ok_or_else(nobody)?
        }
    };
    let gateway = SocketAddr::new(ip, port);
    let to = gateway.to_string();
    let socket = net.udp().map_err(before)?;
    let limit = socket.largest();
    if datagram.len() > limit {
        let octets = datagram.len();
        return Err(Failure::Before(TransportError::TooLong { to, octets, limit }));
    }
    let total = u64::try_from(call.pdu.as_ref().map_or(0, Bytes::len)).unwrap_or(u64::MAX);
    let (released, times) = match hook.take() {
        Some(hook) => {
            hook.await.map_err(Failure::HeldBack)?;
            (true, 1)
        }
        None => (false, MAX_TIMES),
    };
    let failed = |error| if released { Failure::After(error) } else { Failure::Before(error) };
    for time in 1..=times {
        let wait = if time == times { timeouts.answer } else { AGAIN_AFTER };
        socket
            .send(gateway, &datagram)
            .await
            .map_err(|error| failed(TransportError::Net(error)))?;
        stages.tell(Stage::Uploading { done: total, total });
        match timeout_at(Instant::now() + wait, reply(socket.as_ref(), gateway)).await {
            Ok(Ok(Pdu::Reply { status, entity, data })) => {
                return answer_of(status, entity.as_ref(), data, call.limit, released, to)
                    .map_err(failed);
            }
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(error)) => return Err(failed(TransportError::Net(error))),
        }
    }
    let seconds = timeouts.answer.as_secs();
    Err(failed(TransportError::Stalled { to, seconds, doing: WAITING }))
}

/// The gateway's answer; what others send, and what cannot be read, is passed over.
async fn reply(socket: &dyn Datagrams, gateway: SocketAddr) -> Result<Pdu, NetError> {
    loop {
        let (octets, from) = socket.receive().await?;
        if from != gateway {
            continue;
        }
        match Unit::decode(&Bytes::from(octets)) {
            Ok(unit) if unit.value.transaction_id == TRANSACTION => {
                if let pdu @ Pdu::Reply { .. } = unit.value.pdu {
                    return Ok(pdu);
                }
            }
            _ => tracing::debug!("a datagram that is no answer"),
        }
    }
}

//! The far end: this program again in a network namespace of its own, where our PPP machine stands in
//! for the network's and Linux's TCP answers behind a TUN device; or our own stack.

#![expect(clippy::disallowed_methods, reason = "the time on the line is real")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use mm1gate::model::Random;
use mm1gate::net::pump::{FrameSink, Pump};
use mm1gate::net::stack::{Stack, StackConfig};
use mm1gate::proto::ppp::{Input, Link, LinkConfig, Output, ServerConfig};
use mm1gate::sim::open_slave;
use rustix::event::{PollFd, PollFlags};
use smoltcp::phy::{Device, Medium, RxToken, TunTapInterface, TxToken};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::line;

/// The far end's address, and ours.
pub(crate) const ADDRESS: [u8; 4] = [10, 64, 0, 1];
const CLIENT: [u8; 4] = [10, 64, 0, 2];

/// The argument with which this program is the far end.
const ROLE: &str = "--far-end";

/// How long the far end waits for octets of the line before it looks whether Linux has a packet.
const TURN: Duration = Duration::from_micros(500);

/// A running far end; dropping ends it.
pub(crate) enum Far {
    Linux { child: Child, congestion: String },
    Own,
}

/// The port, if this process is to be the far end.
pub(crate) fn asked_for() -> Option<String> {
    let mut arguments = std::env::args();
    arguments.find(|argument| argument == ROLE)?;
    arguments.next()
}

fn unshared() -> Command {
    let mut command = Command::new("unshare");
    command.arg(if rustix::process::geteuid().is_root() { "-n" } else { "-rn" });
    command
}

/// Whether a network namespace with a TUN device can be had here.
pub(crate) fn linux_is_possible() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let script = "ip tuntap add dev mm1try mode tun && ip link set mm1try up";
        let tried = unshared().args(["sh", "-c", script]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    })
}

impl Far {
    pub(crate) fn start(port: &Path, own: bool) -> Result<Self, String> {
        let text = |error: std::io::Error| error.to_string();
        if own {
            let path = port.to_path_buf();
            std::thread::spawn(move || own_stack(&path));
            return Ok(Self::Own);
        }
        let program = std::env::current_exe().map_err(text)?;
        let mut child = unshared()
            .arg(program)
            .arg(ROLE)
            .arg(port)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(text)?;
        let mut congestion = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut congestion).map_err(text)?;
        }
        if congestion.is_empty() {
            return Err("the far end did not start".to_owned());
        }
        Ok(Self::Linux { child, congestion: congestion.trim().to_owned() })
    }

    pub(crate) const fn peer(&self) -> &'static str {
        match self {
            Self::Linux { .. } => "linux",
            Self::Own => "own",
        }
    }

    pub(crate) fn congestion(&self) -> &str {
        match self {
            Self::Linux { congestion, .. } => congestion,
            Self::Own => "own",
        }
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        if let Self::Linux { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn server() -> Link {
    let config = ServerConfig::new(Ipv4Addr::from(ADDRESS), Ipv4Addr::from(CLIENT));
    Link::new(LinkConfig::server(config), 4711)
}

/// The far end with Linux's TCP, in a namespace of its own.
pub(crate) fn linux(port: &str) {
    let mut tun = TunTapInterface::new("mm1far", Medium::Ip).expect("a TUN device");
    let address = Ipv4Addr::from(ADDRESS);
    let script = format!(
        "ip link set lo up && ip addr add {address} peer {} dev mm1far && ip link set mm1far mtu 1500 up",
        Ipv4Addr::from(CLIENT)
    );
    let set = Command::new("sh").args(["-c", &script]).status().expect("ip can be run");
    assert!(set.success(), "the TUN device cannot be set up");
    let listener = TcpListener::bind((address, 80)).expect("port 80 is free");
    let _ = rustix::net::sockopt::set_tcp_congestion(&listener, "cubic");
    let congestion = rustix::net::sockopt::tcp_congestion(&listener).expect("it has one");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{congestion}");
    let _ = out.flush();
    let pty = open_slave(Path::new(port)).expect("the port opens");
    line::do_not_wait(&pty).expect("a pseudo-terminal");
    carry(&pty, &mut tun);
}

/// Moves packets between the PPP machine and the TUN device until the line is gone.
fn carry(pty: &rustix::fd::OwnedFd, tun: &mut TunTapInterface) {
    let zero = smoltcp::time::Instant::from_micros(0);
    let mut link = server();
    let mut out: Vec<u8> = Vec::new();
    let mut read = vec![0; 8192];
    link.handle_input(Instant::now(), Input::Open);
    loop {
        loop {
            match link.poll_output() {
                Output::Transmit(octets) => out.extend_from_slice(&octets),
                Output::Packet(packet) => {
                    if let Some(token) = tun.transmit(zero) {
                        token.consume(packet.len(), |room| room.copy_from_slice(&packet));
                    }
                }
                Output::Frame(..) | Output::Event(_) => {}
                Output::Timeout(_) | Output::Idle => break,
            }
        }
        if !out.is_empty()
            && let Ok(written) = rustix::io::write(pty, &out)
        {
            out.drain(..written);
        }
        // What waits for the line waits in Linux's queue, as with pppd.
        let room = out.len() < 1500;
        let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: i64::from(TURN.subsec_nanos()) };
        let _ = rustix::event::poll(&mut [PollFd::new(pty, PollFlags::IN)], Some(&wait));
        match rustix::io::read(pty, &mut read) {
            Ok(0) | Err(rustix::io::Errno::IO) => return,
            Ok(count) => link.handle_input(Instant::now(), Input::Octets(&read[..count])),
            Err(_) => {}
        }
        if room && let Some((token, _)) = tun.receive(zero) {
            let packet = token.consume(<[u8]>::to_vec);
            link.handle_input(Instant::now(), Input::Packet(&packet));
        }
        link.handle_input(Instant::now(), Input::Timeout);
    }
}

/// One connection: a body is taken and an M-Send.conf given, or a body given.
fn serve(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut one = [0];
        match stream.read(&mut one) {
            Ok(1) => head.push(one[0]),
            _ => return,
        }
    }
    let (answer, body) = answer_to(&String::from_utf8_lossy(&head));
    let mut rest = body;
    let mut octets = vec![0; 65_536];
    while rest > 0 {
        match stream.read(&mut octets) {
            Ok(count @ 1..) => rest = rest.saturating_sub(count),
            _ => return,
        }
    }
    let _ = stream.write_all(&answer);
    let _ = stream.read(&mut [0]);
}

/// The whole answer to a request, and how many octets of body come before it.
fn answer_to(head: &str) -> (Vec<u8>, usize) {
    let body = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0);
    let payload = if head.starts_with("POST") {
        // M-Send.conf (OMA-MMS-ENC clause 6.1.2): accepted.
        b"\x8C\x81\x98T1\0\x8D\x90\x92\x80\x8Bm1\0".to_vec()
    } else {
        let asked = head.split_once("octets=").and_then(|(_, rest)| rest.split(' ').next());
        let octets = asked.and_then(|octets| octets.parse().ok()).unwrap_or(0);
        let mut payload = vec![0; octets];
        Random::seeded(3).fill(&mut payload);
        payload
    };
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\nContent-Length: {}\r\n\r\n",
        payload.len()
    )
    .into_bytes();
    answer.extend(payload);
    (answer, body)
}

/// The far end with our own stack, where Linux's cannot be had.
fn own_stack(port: &Path) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        use mm1gate::modem::{PortOpener, SystemPorts};
        let Ok(io) = SystemPorts.open(&port.to_string_lossy()).await else { return };
        let (stack, queue) = Stack::new(StackConfig {
            address: Some(ADDRESS.into()),
            prefix: 32,
            mtu: 1500,
            any_ip: true,
            name_servers: Vec::new(),
            random: Random::seeded(9),
        });
        let (pump, _handle) = Pump::new(io, server(), queue, FrameSink::none());
        let Ok(mut listener) = stack.listen(80) else { return };
        tokio::spawn(async move {
            while let Ok(accepted) = listener.accept().await {
                tokio::spawn(async move {
                    let mut stream = accepted.stream;
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        match stream.read_u8().await {
                            Ok(octet) => head.push(octet),
                            Err(_) => return,
                        }
                    }
                    let (answer, body) = answer_to(&String::from_utf8_lossy(&head));
                    let mut taken = vec![0; body];
                    if stream.read_exact(&mut taken).await.is_ok() {
                        let _ = stream.write_all(&answer).await;
                    }
                    let _ = stream.read(&mut [0]).await;
                });
            }
        });
        pump.run().await;
    });
}

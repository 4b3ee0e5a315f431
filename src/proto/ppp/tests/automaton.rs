//! The automaton against the table of RFC 1661 section 4.1, cell by cell.

use super::super::automaton::{Action, Event, State};

const STATES: [State; 10] = [
    State::Initial,
    State::Starting,
    State::Closed,
    State::Stopped,
    State::Closing,
    State::Stopping,
    State::ReqSent,
    State::AckRcvd,
    State::AckSent,
    State::Opened,
];

/// A row for each event: the ten states in order. The options r, p and x of the RFC and the events
/// RUC and RXR, which belong to the link, are left out.
const TABLE: &[(Event, &str)] = &[
    (Event::Up, "2 irc,scr/6 - - - - - - - -"),
    (Event::Down, "- - 0 tls/1 0 1 1 1 1 tld/1"),
    (Event::Open, "tls/1 1 irc,scr/6 3 5 5 6 7 8 9"),
    (Event::Close, "0 tlf/0 2 2 4 4 irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4"),
    (Event::Timeout, "- - - - str/4 str/5 scr/6 scr/6 scr/8 -"),
    (Event::LastTimeout, "- - - - tlf/2 tlf/3 tlf/3 tlf/3 tlf/3 -"),
    (Event::GoodRequest, "- - sta/2 irc,scr,sca/8 4 5 sca/8 sca,tlu/9 sca/8 tld,scr,sca/8"),
    (Event::BadRequest, "- - sta/2 irc,scr,scn/6 4 5 scn/6 scn/7 scn/6 tld,scr,scn/6"),
    (Event::Ack, "- - sta/2 sta/3 4 5 irc/7 scr/6 irc,tlu/9 tld,scr/6"),
    (Event::Nak, "- - sta/2 sta/3 4 5 irc,scr/6 scr/6 irc,scr/8 tld,scr/6"),
    (Event::TerminateRequest, "- - sta/2 sta/3 sta/4 sta/5 sta/6 sta/6 sta/6 tld,zrc,sta/5"),
    (Event::TerminateAck, "- - 2 3 tlf/2 tlf/3 6 6 8 tld,scr/6"),
    (Event::Rejected, "- - 2 3 4 5 6 6 8 9"),
    (Event::RejectedForGood, "- - tlf/2 tlf/3 tlf/2 tlf/3 tlf/3 tlf/3 tlf/3 tld,irc,str/5"),
];

fn action(name: &str) -> Option<Action> {
    Some(match name {
        "tlu" => Action::LayerUp,
        "tld" => Action::LayerDown,
        "tlf" => Action::LayerFinished,
        "irc" => Action::InitCounter,
        "zrc" => Action::ZeroCounter,
        "scr" => Action::SendRequest,
        "sca" => Action::SendAck,
        "scn" => Action::SendNak,
        "str" => Action::SendTerminateRequest,
        "sta" => Action::SendTerminateAck,
        // The layer below is always there.
        "tls" => return None,
        _ => panic!("{name}"),
    })
}

#[test]
fn every_cell_of_the_table_is_as_the_rfc_has_it() {
    let mut cells = 0;
    for (event, row) in TABLE {
        let row: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(row.len(), STATES.len(), "{event:?}");
        for (state, cell) in STATES.into_iter().zip(row) {
            let (actions, next) = match cell.rsplit_once('/') {
                _ if cell == "-" => (Vec::new(), state),
                Some((actions, next)) => {
                    let actions = actions.split(',').filter_map(action).collect();
                    (actions, STATES[next.parse::<usize>().unwrap()])
                }
                None => (Vec::new(), STATES[cell.parse::<usize>().unwrap()]),
            };
            assert_eq!(state.on(*event), (next, actions.as_slice()), "{state:?} on {event:?}");
            cells += 1;
        }
    }
    assert_eq!(cells, 140);
}

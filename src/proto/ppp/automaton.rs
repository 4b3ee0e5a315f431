//! The option negotiation automaton (RFC 1661 section 4.1): which state follows, and what to do.
//!
//! ```text
//!            | 0       1         2          3            4      5      6         7          8          9
//!  event     | Initial Starting  Closed     Stopped      Closing Stopping Req-Sent Ack-Rcvd Ack-Sent Opened
//!  ----------+------------------------------------------------------------------------------------------
//!  Up        | 2       irc,scr/6 -          -            -      -      -         -          -          -
//!  Down      | -       -         0          tls/1        0      1      1         1          1          tld/1
//!  Open      | tls/1   1         irc,scr/6  3            5      5      6         7          8          9
//!  Close     | 0       tlf/0     2          2            4      4      irc,str/4 irc,str/4  irc,str/4  tld,irc,str/4
//!  TO+       | -       -         -          -            str/4  str/5  scr/6     scr/6      scr/8      -
//!  TO-       | -       -         -          -            tlf/2  tlf/3  tlf/3     tlf/3      tlf/3      -
//!  RCR+      | -       -         sta/2      irc,scr,sca/8 4     5      sca/8     sca,tlu/9  sca/8      tld,scr,sca/8
//!  RCR-      | -       -         sta/2      irc,scr,scn/6 4     5      scn/6     scn/7      scn/6      tld,scr,scn/6
//!  RCA       | -       -         sta/2      sta/3        4      5      irc/7     scr/6      irc,tlu/9  tld,scr/6
//!  RCN       | -       -         sta/2      sta/3        4      5      irc,scr/6 scr/6      irc,scr/8  tld,scr/6
//!  RTR       | -       -         sta/2      sta/3        sta/4  sta/5  sta/6     sta/6      sta/6      tld,zrc,sta/5
//!  RTA       | -       -         2          3            tlf/2  tlf/3  6         6          8          tld,scr/6
//!  RXJ+      | -       -         2          3            4      5      6         6          8          9
//!  RXJ-      | -       -         tlf/2      tlf/3        tlf/2  tlf/3  tlf/3     tlf/3      tlf/3      tld,irc,str/5
//! ```
//!
//! Unknown codes (RUC) and echoes (RXR) never change the state; their answers are the link's work.

/// The states, in the RFC's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Initial,
    Starting,
    Closed,
    Stopped,
    Closing,
    Stopping,
    ReqSent,
    AckRcvd,
    AckSent,
    Opened,
}

/// The events, in the RFC's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The lower layer is up.
    Up,
    /// The lower layer is down.
    Down,
    /// Administrative open.
    Open,
    /// Administrative close.
    Close,
    /// The restart timer ran out, and the counter has not (TO+).
    Timeout,
    /// The restart timer ran out, and so did the counter (TO-).
    LastTimeout,
    /// An acceptable Configure-Request (RCR+).
    GoodRequest,
    /// A Configure-Request that gets a Nak or a Reject (RCR-).
    BadRequest,
    /// Configure-Ack (RCA).
    Ack,
    /// Configure-Nak or -Reject (RCN).
    Nak,
    /// Terminate-Request (RTR).
    TerminateRequest,
    /// Terminate-Ack (RTA).
    TerminateAck,
    /// A Code-Reject that can be lived with (RXJ+).
    Rejected,
    /// A Code- or Protocol-Reject that cannot (RXJ-).
    RejectedForGood,
}

/// The actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// tlu: the layer is up.
    LayerUp,
    /// tld: the layer is down.
    LayerDown,
    /// tls and tlf concern the layer below, which here is always there; tlf ends the layer.
    LayerFinished,
    /// irc: initialise the restart counter.
    InitCounter,
    /// zrc: zero the restart counter.
    ZeroCounter,
    /// scr.
    SendRequest,
    /// sca.
    SendAck,
    /// scn: Nak or Reject.
    SendNak,
    /// str.
    SendTerminateRequest,
    /// sta.
    SendTerminateAck,
}

impl State {
    /// Whether the restart timer runs here.
    pub(super) const fn timed(self) -> bool {
        matches!(
            self,
            Self::Closing | Self::Stopping | Self::ReqSent | Self::AckRcvd | Self::AckSent
        )
    }

    /// The table.
    pub(super) const fn on(self, event: Event) -> (Self, &'static [Action]) {
        use Action::{
            InitCounter as Irc, LayerDown as Tld, LayerFinished as Tlf, LayerUp as Tlu,
            SendAck as Sca, SendNak as Scn, SendRequest as Scr, SendTerminateAck as Sta,
            SendTerminateRequest as Str, ZeroCounter as Zrc,
        };
        use State::{
            AckRcvd, AckSent, Closed, Closing, Initial, Opened, ReqSent, Starting, Stopped,
            Stopping,
        };
        match (self, event) {
            (Initial, Event::Up) => (Closed, &[]),
            (Starting, Event::Up) => (ReqSent, &[Irc, Scr]),
            (_, Event::Up) => (self, &[]),

            (Closed | Closing, Event::Down) => (Initial, &[]),
            (Opened, Event::Down) => (Starting, &[Tld]),
            (Initial | Starting, Event::Down) => (self, &[]),
            (_, Event::Down) => (Starting, &[]),

            (Initial, Event::Open) => (Starting, &[]),
            (Closed, Event::Open) => (ReqSent, &[Irc, Scr]),
            (Closing, Event::Open) => (Stopping, &[]),
            (_, Event::Open) => (self, &[]),

            (Starting, Event::Close) => (Initial, &[Tlf]),
            (Stopped, Event::Close) => (Closed, &[]),
            (Stopping, Event::Close) => (Closing, &[]),
            (ReqSent | AckRcvd | AckSent, Event::Close) => (Closing, &[Irc, Str]),
            (Opened, Event::Close) => (Closing, &[Tld, Irc, Str]),
            (Initial | Closed | Closing, Event::Close) => (self, &[]),

            // Nothing but Up and Open matters before the layer began.
            (Initial | Starting, _) => (self, &[]),

            (Closing | Stopping, Event::Timeout) => (self, &[Str]),
            (ReqSent | AckRcvd, Event::Timeout) => (ReqSent, &[Scr]),
            (AckSent, Event::Timeout) => (AckSent, &[Scr]),
            (_, Event::Timeout) => (self, &[]),

            (Closing, Event::LastTimeout) => (Closed, &[Tlf]),
            (Stopping | ReqSent | AckRcvd | AckSent, Event::LastTimeout) => (Stopped, &[Tlf]),
            (_, Event::LastTimeout) => (self, &[]),

            (Closed, Event::GoodRequest | Event::BadRequest | Event::Ack | Event::Nak) => {
                (Closed, &[Sta])
            }
            (Stopped, Event::GoodRequest) => (AckSent, &[Irc, Scr, Sca]),
            (ReqSent | AckSent, Event::GoodRequest) => (AckSent, &[Sca]),
            (AckRcvd, Event::GoodRequest) => (Opened, &[Sca, Tlu]),
            (Opened, Event::GoodRequest) => (AckSent, &[Tld, Scr, Sca]),

            (Stopped, Event::BadRequest) => (ReqSent, &[Irc, Scr, Scn]),
            (ReqSent | AckSent, Event::BadRequest) => (ReqSent, &[Scn]),
            (AckRcvd, Event::BadRequest) => (AckRcvd, &[Scn]),
            (Opened, Event::BadRequest) => (ReqSent, &[Tld, Scr, Scn]),

            (Stopped, Event::Ack | Event::Nak) => (Stopped, &[Sta]),
            (ReqSent, Event::Ack) => (AckRcvd, &[Irc]),
            (AckSent, Event::Ack) => (Opened, &[Irc, Tlu]),
            (ReqSent, Event::Nak) => (ReqSent, &[Irc, Scr]),
            (AckSent, Event::Nak) => (AckSent, &[Irc, Scr]),
            (AckRcvd, Event::Ack | Event::Nak) => (ReqSent, &[Scr]),
            (Opened, Event::Ack | Event::Nak) => (ReqSent, &[Tld, Scr]),

            (
                Closing | Stopping,
                Event::GoodRequest | Event::BadRequest | Event::Ack | Event::Nak,
            ) => (self, &[]),

            (Closed | Stopped | Closing | Stopping, Event::TerminateRequest) => (self, &[Sta]),
            (ReqSent | AckRcvd | AckSent, Event::TerminateRequest) => (ReqSent, &[Sta]),
            (Opened, Event::TerminateRequest) => (Stopping, &[Tld, Zrc, Sta]),

            (Closing, Event::TerminateAck | Event::RejectedForGood) => (Closed, &[Tlf]),
            (Stopping, Event::TerminateAck | Event::RejectedForGood) => (Stopped, &[Tlf]),
            (AckRcvd, Event::TerminateAck | Event::Rejected) => (ReqSent, &[]),
            (Opened, Event::TerminateAck) => (ReqSent, &[Tld, Scr]),
            (_, Event::TerminateAck | Event::Rejected) => (self, &[]),

            (Closed, Event::RejectedForGood) => (Closed, &[Tlf]),
            (Stopped | ReqSent | AckRcvd | AckSent, Event::RejectedForGood) => (Stopped, &[Tlf]),
            (Opened, Event::RejectedForGood) => (Stopping, &[Tld, Irc, Str]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_of_request_and_ack_open() {
        let (state, _) = State::ReqSent.on(Event::Ack);
        assert_eq!(
            state.on(Event::GoodRequest),
            (State::Opened, &[Action::SendAck, Action::LayerUp][..])
        );
        let (state, _) = State::ReqSent.on(Event::GoodRequest);
        assert_eq!(
            state.on(Event::Ack),
            (State::Opened, &[Action::InitCounter, Action::LayerUp][..])
        );
    }

    #[test]
    fn layer_goes_up_only_into_opened_and_down_only_out_of_it() {
        use Event::*;
        use State::*;
        let states = [
            Initial, Starting, Closed, Stopped, Closing, Stopping, ReqSent, AckRcvd, AckSent,
            Opened,
        ];
        let events = [
            Up,
            Down,
            Open,
            Close,
            Timeout,
            LastTimeout,
            GoodRequest,
            BadRequest,
            Ack,
            Nak,
            TerminateRequest,
            TerminateAck,
            Rejected,
            RejectedForGood,
        ];
        for state in states {
            for event in events {
                let (next, actions) = state.on(event);
                let up = actions.contains(&Action::LayerUp);
                let down = actions.contains(&Action::LayerDown);
                assert_eq!(up, state != Opened && next == Opened, "{state:?} {event:?}");
                assert_eq!(down, state == Opened && next != Opened, "{state:?} {event:?}");
                let sends_request = actions.contains(&Action::SendRequest);
                assert!(!sends_request || next.timed(), "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn every_timed_state_is_left_by_its_last_timeout() {
        for state in
            [State::Closing, State::Stopping, State::ReqSent, State::AckRcvd, State::AckSent]
        {
            let (next, actions) = state.on(Event::LastTimeout);
            assert!(!next.timed());
            assert_eq!(actions, [Action::LayerFinished]);
        }
    }
}

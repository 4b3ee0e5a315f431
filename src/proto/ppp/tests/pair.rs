//! Client against server over lines that lose, repeat and damage (RFC 1661).

use std::time::{Duration, Instant};

use super::*;

pub(super) fn server(auth: Option<AuthProtocol>) -> ServerConfig {
    ServerConfig {
        auth,
        accepted: vec![Credentials::new("u1", "s3cret")],
        name_servers: DNS.to_vec(),
        ..ServerConfig::new(THEIRS, OURS)
    }
}

/// Runs both over a line where `fate` decides on each transmission: 0 lost, 2 doubled, 3 damaged,
/// else delivered. Ends when both are up, one is down, or after ten minutes.
fn pair(client: ClientConfig, server: ServerConfig, fate: impl FnMut() -> u8) -> [Rig; 2] {
    joined(LinkConfig::client(client), LinkConfig::server(server), fate)
}

/// As [`pair`].
pub(super) fn joined(
    client: LinkConfig,
    server: LinkConfig,
    mut fate: impl FnMut() -> u8,
) -> [Rig; 2] {
    let mut ends = [Rig::new(server), Rig::new(client.clone())];
    let start = ends[0].now;
    ends[1].link = Link::new(client, 99);
    ends[1].now = start;
    ends[1].start = start;
    ends[1].link.handle_input(start, Input::Open);
    let mut now = start;
    for _ in 0..20_000 {
        let mut moved = false;
        let mut deadline: Option<Instant> = None;
        for from in [0, 1] {
            loop {
                match ends[from].link.poll_output() {
                    Output::Transmit(mut octets) => {
                        moved = true;
                        let times = match fate() {
                            0 => 0,
                            2 => 2,
                            3 => {
                                let middle = octets.len() / 2;
                                octets[middle] ^= 0x10;
                                1
                            }
                            _ => 1,
                        };
                        for _ in 0..times {
                            ends[1 - from].link.handle_input(now, Input::Octets(&octets));
                        }
                    }
                    Output::Event(event) => ends[from].events.push(event),
                    Output::Packet(_) | Output::Frame(..) => {}
                    Output::Timeout(at) => {
                        deadline = Some(deadline.map_or(at, |other| other.min(at)));
                        break;
                    }
                    Output::Idle => break,
                }
            }
        }
        if moved {
            continue;
        }
        let up = |rig: &Rig| rig.link.phase() == Phase::Open;
        let down = |rig: &Rig| rig.down().is_some();
        if ends.iter().all(up) || ends.iter().all(down) {
            break;
        }
        let Some(at) = deadline else { break };
        now = at.max(now);
        assert!(now - start < Duration::from_secs(600), "no end: {:?}", ends[1].events);
        for end in &mut ends {
            end.now = now;
            end.link.handle_input(now, Input::Timeout);
        }
    }
    ends
}

fn credentials(password: &str) -> ClientConfig {
    ClientConfig { credentials: Some(Credentials::new("u1", password)), prefer: None }
}

#[test]
fn client_and_server_agree_with_every_authentication() {
    for auth in [None, Some(AuthProtocol::Pap), Some(AuthProtocol::ChapMd5)] {
        let [server, client] = pair(credentials("s3cret"), server(auth), || 1);
        assert!(client.events.contains(&LinkEvent::Authenticated { by: auth }));
        assert!(client.events.contains(&LinkEvent::IpUp {
            address: OURS,
            peer: THEIRS,
            name_servers: DNS.to_vec()
        }));
        assert!(server.events.contains(&LinkEvent::IpUp {
            address: THEIRS,
            peer: OURS,
            name_servers: Vec::new()
        }));
    }
}

#[test]
fn lost_doubled_and_damaged_control_frames_only_cost_time() {
    for seed in 0..300_u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let fate = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // About a third of all frames suffers.
            match state % 12 {
                0 | 1 => 0,
                2 => 2,
                3 => 3,
                _ => 1,
            }
        };
        let auth =
            [None, Some(AuthProtocol::Pap), Some(AuthProtocol::ChapMd5)][(seed % 3) as usize];
        let [server, client] = pair(credentials("s3cret"), server(auth), fate);
        assert!(
            [&server, &client].iter().all(|rig| rig.link.phase() == Phase::Open),
            "seed {seed}: {:?} {:?}",
            client.events,
            server.events
        );
    }
}

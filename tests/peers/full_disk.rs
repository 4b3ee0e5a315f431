//! A disk that is full: a tmpfs of its own in a mount namespace, which another program fills to the last
//! block. New work is refused, what was accepted is settled, and all goes on by itself afterwards.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use mm1gate::gateway::{AcceptError, Config, Deps, Gateway, ModemConfig};
use mm1gate::model::{
    Address, Clock, Kind, MessageId, NewMessage, NoTap, OutboundState, Random, State,
};
use mm1gate::modem::SystemPorts;
use mm1gate::modem::usb::NoUsb;
use mm1gate::store::{LEAST_ROOM, NoProbe, RESERVE_FILE, StoreError};

use crate::namespace::{inside, sh};

/// Octets of the disk: room for the reserve, the margin and a few messages.
const DISK_MB: u64 = 40;

async fn start(dir: &Path) -> Gateway {
    let mut config = Config::new(dir.join("data"));
    let port = dir.join("unplugged").display().to_string();
    config.modems.push(ModemConfig::new("front-desk", port));
    let deps = Deps {
        ports: Arc::new(SystemPorts),
        clock: Clock::system(),
        random: Random::from_system(),
        tap: Arc::new(NoTap),
        usb: Arc::new(NoUsb),
        probe: Arc::new(NoProbe),
    };
    Gateway::start(config, deps).await.expect("a gateway")
}

async fn accept(gateway: &Gateway) -> Result<MessageId, AcceptError> {
    let message = NewMessage {
        kind: Kind::Sms,
        to: vec![Address::parse_recipient("+447700900123").unwrap()],
        text: Some("Your order is ready".to_owned()),
        ..NewMessage::default()
    };
    gateway.accept(message).await
}

/// Another program's file that leaves `left` octets.
fn fill(dir: &Path, left: u64) {
    let disk = rustix::fs::statvfs(dir).unwrap();
    let take = (disk.f_bavail * disk.f_frsize).saturating_sub(left);
    let mut file = File::options().create(true).append(true).open(dir.join("other")).unwrap();
    let block = vec![0x55; 4_096];
    for _ in 0..take / 4_096 {
        if file.write_all(&block).is_err() {
            break;
        }
    }
}

#[test]
#[ignore = "needs a mount namespace"]
fn full_disk_refuses_new_work_and_settles_what_was_taken() {
    if !inside("full_disk::full_disk_refuses_new_work_and_settles_what_was_taken") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    sh(&format!("mount -t tmpfs -o size={DISK_MB}m tmpfs {}", path.display()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(scenario(path));
}

async fn scenario(path: &Path) {
    let gateway = start(path).await;
    let reserve = path.join("data").join(RESERVE_FILE);
    assert!(reserve.exists());
    let mut taken = Vec::new();
    for _ in 0..60 {
        taken.push(accept(&gateway).await.expect("there is room"));
    }
    fill(path, LEAST_ROOM / 2);
    for _ in 0..3 {
        let refused = accept(&gateway).await;
        assert!(matches!(refused, Err(AcceptError::Store(StoreError::Full { .. }))), "{refused:?}");
    }
    for id in taken.drain(..20) {
        gateway.cancel(&id).await.expect("the margin is for what is under way");
        let view = gateway.message(&id).await.unwrap().unwrap();
        assert_eq!(view.summary.state, State::Out(OutboundState::Canceled));
    }
    assert!(reserve.exists(), "the margin was enough");
    // To the last block, and again whenever something was given back.
    fill(path, 0);
    for id in taken.drain(..) {
        gateway.cancel(&id).await.expect("the reserve is for what is under way");
    }
    gateway.stop().await;
    drop(gateway);
    // A start on a full disk takes nothing new and shows what there is.
    let gateway = start(path).await;
    let all = gateway.messages(mm1gate::store::Filter { limit: 100, ..Default::default() }).await;
    let all = all.unwrap();
    assert_eq!(all.len(), 60, "nothing that was refused is there, nothing that was taken is lost");
    assert!(all.iter().all(|it| it.state == State::Out(OutboundState::Canceled)));
    assert!(accept(&gateway).await.is_err());
    std::fs::remove_file(path.join("other")).unwrap();
    accept(&gateway).await.expect("it goes on by itself");
    assert!(reserve.exists(), "it is held again");
    gateway.stop().await;
}

//! The runner of programs with real programs: what they are given, what is made of how they end, and
//! that nothing of them is left when their time is over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use mm1gate::world::{HookCommand, HookExit, HookRunner, SystemRunner};
use tempfile::TempDir;

use crate::support::wait_until;

fn command(dir: &TempDir, words: &[&str]) -> HookCommand {
    HookCommand {
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        variables: vec![("MMS_TEXT".to_owned(), "Hi $HOME `id` \"there\"".to_owned())],
        input: r#"{"type":"message.received"}"#.to_owned(),
        timeout: Duration::from_secs(20),
        files: Vec::new(),
        folder: dir.path().join("run"),
    }
}

/// Runs a script by `/bin/sh`, for a test that needs one.
async fn script(dir: &TempDir, text: &str, change: impl FnOnce(&mut HookCommand)) -> HookExit {
    let mut command = command(dir, &["/bin/sh", "-c", text]);
    change(&mut command);
    SystemRunner.run(command).await.expect("it runs")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Whether a process is there and no corpse.
fn lives(pid: &str) -> bool {
    std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.starts_with(" Z")))
}

fn gone(pid: &str) {
    assert!(!pid.is_empty());
    wait_until("a process is left", Duration::from_secs(10), || (!lives(pid)).then_some(()));
}

#[tokio::test]
async fn arguments_reach_the_program_as_they_are_written() {
    let dir = folder();
    let odd = ["$(touch hacked)", "`id`", "; ls", "*", "a b", "\"'\\", ""];
    let mut words = vec!["/usr/bin/printf", "<%s>"];
    words.extend(odd);
    let exit = SystemRunner.run(command(&dir, &words)).await.unwrap();
    assert_eq!(exit.code, Some(0));
    assert_eq!(exit.output, odd.map(|word| format!("<{word}>")).concat());
}

#[tokio::test]
async fn environment_is_small_and_the_event_comes_on_standard_input() {
    let dir = folder();
    let exit = SystemRunner.run(command(&dir, &["/usr/bin/env"])).await.unwrap();
    let mut names: Vec<&str> =
        exit.output.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.retain(|name| !["PATH", "HOME", "LANG", "TZ"].contains(name));
    assert_eq!(names, ["MMS_TEXT"], "{}", exit.output);
    assert!(exit.output.contains("MMS_TEXT=Hi $HOME `id` \"there\""));
    let exit = SystemRunner.run(command(&dir, &["/bin/cat"])).await.unwrap();
    assert_eq!(exit.output, r#"{"type":"message.received"}"#);
}

#[tokio::test]
async fn exit_code_is_told_with_what_the_program_said_on_both_streams() {
    let dir = folder();
    for code in [0, 1, 75, 127] {
        let exit = script(&dir, &format!("echo out; echo err >&2; exit {code}"), |_| {}).await;
        assert_eq!((exit.code, &*exit.output), (Some(code), "out\nerr\n"));
    }
    let killed = script(&dir, "kill -9 $$", |_| {}).await;
    assert_eq!(killed.code, None);
}

#[tokio::test]
async fn program_that_does_not_exist_or_may_not_run_is_named() {
    let dir = folder();
    let plain = dir.path().join("plain.txt");
    std::fs::write(&plain, "no program").unwrap();
    for (program, why) in
        [("/no/such/program", "No such file"), (plain.to_str().unwrap(), "Permission denied")]
    {
        let error = SystemRunner.run(command(&dir, &[program])).await.unwrap_err();
        assert!(error.contains(program) && error.contains(why), "{error}");
    }
    assert!(!dir.path().join("run").exists(), "its folder is gone too");
}

#[tokio::test]
async fn whole_group_is_ended_when_its_time_is_over() {
    let dir = folder();
    let pids = dir.path().join("pids");
    let text = format!(
        "trap '' TERM INT HUP\n/bin/sh -c 'trap \"\" TERM; sleep 1000 & echo $! >> {0}; sleep 1000' &\n\
         echo $! >> {0}; echo $$ >> {0}; sleep 1000",
        pids.display()
    );
    let exit = script(&dir, &text, |command| command.timeout = Duration::from_secs(2)).await;
    assert_eq!(exit, HookExit { code: None, output: "killed after 2 s".to_owned() });
    let pids = std::fs::read_to_string(pids).unwrap();
    assert_eq!(pids.lines().count(), 3, "{pids}");
    pids.lines().for_each(gone);
}

#[tokio::test]
async fn end_of_the_program_counts_whatever_it_leaves_running() {
    let dir = folder();
    let pid = dir.path().join("pid");
    // It holds both streams open.
    let text = format!("sleep 1000 & echo $! > {}; echo done; exit 3", pid.display());
    let exit = script(&dir, &text, |_| {}).await;
    assert_eq!((exit.code, &*exit.output), (Some(3), "done\n"));
    gone(std::fs::read_to_string(&pid).unwrap().trim());
    // One that has left the group is not waited for either.
    let text = format!("setsid sleep 5 & echo $! > {}; echo done", pid.display());
    let exit = script(&dir, &text, |_| {}).await;
    assert_eq!((exit.code, &*exit.output), (Some(0), "done\n"));
}

#[tokio::test]
async fn program_that_closes_its_streams_is_still_waited_for() {
    let dir = folder();
    let exit = script(&dir, "exec <&- >&- 2>&-; sleep 1; exit 4", |_| {}).await;
    assert_eq!(exit.code, Some(4));
}

#[tokio::test]
async fn program_may_say_much_and_read_nothing_without_being_stuck() {
    let dir = folder();
    let input = "x".repeat(4 * 1_048_576);
    let text = "head -c 3000000 /dev/zero | tr '\\0' a; head -c 3000000 /dev/zero >&2; exit 0";
    let exit = script(&dir, text, |command| command.input = input).await;
    assert_eq!((exit.code, exit.output), (Some(0), "a".repeat(1_024)));
}

#[tokio::test]
async fn parts_lie_in_a_folder_of_its_own_that_is_gone_afterwards() {
    let dir = folder();
    let part = dir.path().join("run/part1.png");
    let files: Vec<(PathBuf, Bytes)> = vec![(part.clone(), Bytes::from_static(b"picture"))];
    let text = "pwd; cat part1.png; stat -c ' %a' . part1.png; echo more > made-by-it";
    let exit = script(&dir, text, |command| command.files = files).await;
    let expected = format!("{}\npicture 700\n 600\n", dir.path().join("run").display());
    assert_eq!(exit.output, expected);
    assert!(!dir.path().join("run").exists());
}

#[tokio::test]
async fn whoever_stops_waiting_ends_the_program() {
    let dir = folder();
    let pid = dir.path().join("pid");
    let text = format!("echo $$ > {}; sleep 1000", pid.display());
    let running = tokio::spawn({
        let command = command(&dir, &["/bin/sh", "-c", &text]);
        async move { SystemRunner.run(command).await }
    });
    while !std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.abort();
    let _ = running.await;
    gone(std::fs::read_to_string(&pid).unwrap().trim());
    assert!(!dir.path().join("run").exists());
}

//! Several servers, one log: nothing is lost, nothing doubled, whoever dies.

use super::*;

#[test]
fn two_servers_share_one_log_and_a_key_gets_the_first_answer_on_both() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    let b = Server::start(&redis.url(), b.path()).unwrap();
    until("one writes", || a.is_writer() != b.is_writer());
    let first = b.record(1.0, Some("k")).unwrap();
    let again = a.record(1.0, Some("k")).unwrap();
    assert_eq!((again.offset, again.repeated), (first.offset, true));
    for value in 2..20 {
        let server = if value % 2 == 0 { &a } else { &b };
        let recorded = server.record(f64::from(value), None).unwrap();
        assert!(!recorded.repeated);
        assert!(server.position().offset >= recorded.offset, "who is answered reads what it wrote");
    }
    until("both are at the head", || a.position() == b.position());
    let expected: Vec<f64> = (1..20).map(f64::from).collect();
    assert_eq!(a.values(), expected);
    assert_eq!(b.values(), expected);
}

#[test]
fn a_redis_that_does_not_sync_is_refused() {
    let (redis, data) = (Redis::start_with("everysec"), folder());
    let refused = Server::start(&redis.url(), data.path()).err().expect("refused").to_string();
    assert!(refused.contains("appendfsync everysec") && refused.contains("'appendfsync always'"), "{refused}");
}

#[test]
fn another_centres_data_folder_is_refused() {
    let (redis, other, data) = (Redis::start(), Redis::start(), folder());
    let mut first = Server::start(&other.url(), data.path()).unwrap();
    first.record(1.0, None).unwrap();
    first.kill();
    let busy = folder();
    let busy = Server::start(&redis.url(), busy.path()).unwrap();
    busy.record(2.0, None).unwrap();
    let refused = Server::start(&redis.url(), data.path()).err().expect("refused").to_string();
    assert!(refused.contains("another centre"), "{refused}");
}

#[test]
fn the_other_server_takes_over_when_the_writer_dies() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let mut a = Server::start(&redis.url(), a.path()).unwrap();
    until("the first writes", || a.is_writer());
    let b = Server::start(&redis.url(), b.path()).unwrap();
    let first = a.record(1.0, Some("k")).unwrap();
    let folder_of_a = a.kill();
    let again = b.record(1.0, Some("k")).unwrap();
    assert_eq!((again.offset, again.repeated), (first.offset, true));
    b.record(2.0, None).unwrap();
    assert!(b.is_writer());
    let a = Server::start(&redis.url(), &folder_of_a).unwrap();
    a.record(3.0, None).unwrap();
    assert!(!a.is_writer(), "a server that comes back forwards");
    assert_eq!(a.values(), [1.0, 2.0, 3.0]);
}

#[test]
fn writes_are_refused_while_redis_is_away_and_nothing_is_lost() {
    let (mut redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    let b = Server::start(&redis.url(), b.path()).unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        for value in round * 10 + 1..round * 10 + 6 {
            let server = if value % 2 == 0 { &a } else { &b };
            server.record(f64::from(value), None).unwrap();
            acknowledged.push(f64::from(value));
        }
        redis.kill();
        until("both notice", || a.is_away() && b.is_away());
        for server in [&a, &b] {
            let refused = server.record(1e6, None).unwrap_err();
            assert!(matches!(refused, RecordError::Unavailable { .. }), "{refused}");
            assert_eq!(server.values().len(), acknowledged.len(), "reading goes on");
        }
        redis.restart();
        until("both are back", || !a.is_away() && !b.is_away());
        until("one writes", || a.is_writer() != b.is_writer());
    }
    a.record(100.0, None).unwrap();
    acknowledged.push(100.0);
    until("both are at the head", || a.position() == b.position());
    assert_eq!((a.values(), b.values()), (acknowledged.clone(), acknowledged));
    assert_eq!((a.losses(), b.losses()), (Vec::<String>::new(), Vec::new()));
}

#[test]
fn a_log_cut_short_begins_a_new_epoch_and_the_loss_is_named() {
    let (mut redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    let b = Server::start(&redis.url(), b.path()).unwrap();
    for value in 1..=100 {
        a.record(f64::from(value), None).unwrap();
    }
    until("both are at the head", || a.position() == b.position());
    let before = a.position();
    redis.kill();
    redis.cut(4096);
    redis.restart();
    until("both begin anew", || a.position().epoch != before.epoch && a.position() == b.position());
    assert!(a.position().offset < before.offset, "entries were cut off");
    for server in [&a, &b] {
        let losses = server.losses();
        assert_eq!(losses.len(), 1, "{losses:?}");
        assert!(losses[0].contains(&format!("to {} were lost", before.offset)), "{losses:?}");
    }
    until("one writes", || a.is_writer() != b.is_writer());
    for value in 1001..=1100 {
        b.record(f64::from(value), None).unwrap();
    }
    until("both are at the head", || a.position() == b.position());
    assert_eq!(a.values(), b.values());
    let kept: Vec<f64> = a.values().into_iter().filter(|value| *value <= 100.0).collect();
    assert_eq!(kept, (1..=kept.len()).map(|value| value as f64).collect::<Vec<_>>(), "a beginning, without gap");
    assert_eq!(a.values().len(), kept.len() + 100);
}

#[test]
fn a_redis_that_lost_everything_goes_on_behind_the_archives() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    let b = Server::start(&redis.url(), b.path()).unwrap();
    a.record(1.0, None).unwrap();
    until("both are at the head", || a.position() == b.position());
    let before = a.position();
    redis.ask(&["FLUSHALL"]);
    until("both begin anew", || a.position().epoch != before.epoch && a.position() == b.position());
    until("one writes", || a.is_writer() != b.is_writer());
    a.record(2.0, None).unwrap();
    b.record(3.0, None).unwrap();
    until("both are at the head", || a.position() == b.position());
    assert_eq!((a.values(), b.values()), (vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0]));
}

#[test]
fn a_newcomer_takes_trimmed_entries_from_another_server() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    for value in 1..=150 {
        a.record(f64::from(value), None).unwrap();
    }
    redis.ask(&["XTRIM", "ioc:entries", "MAXLEN", "10"]);
    let b = Server::start(&redis.url(), b.path()).unwrap();
    assert_eq!(b.position(), a.position());
    assert_eq!(b.values(), a.values());
    b.record(151.0, None).unwrap();
    assert_eq!(b.values().len(), 151);
}

#[test]
fn two_who_write_at_once_take_turns() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    until("the first writes", || a.is_writer());
    let b = Server::start(&redis.url(), b.path()).unwrap();
    let revised = |turn: i64| {
        let mut catalogue = Catalogue::default();
        catalogue.centre.vi = turn.to_string();
        let event = protocol::event::CatalogueRevised {
            at: Timestamp(turn),
            catalogue,
            walls: Default::default(),
            layouts: Default::default(),
        };
        protocol::Event::CatalogueRevised(Box::new(event))
    };
    // A revision is not forwarded: it stands for a writer that has not noticed that its lease is gone.
    std::thread::scope(|scope| {
        scope.spawn(|| (1..=50).for_each(|value| drop(a.record(f64::from(value), None).unwrap())));
        scope.spawn(|| {
            for turn in 1..=50 {
                let recorder = &b.shared.recorder;
                b.runtime.as_ref().unwrap().block_on(recorder.tell(revised(turn))).unwrap();
            }
        });
    });
    until("both are at the head", || a.position() == b.position());
    assert_eq!(a.position().offset, 101, "a configuration, 50 batches, 50 revisions: none lost, none doubled");
    assert_eq!(a.values(), (1..=50).map(f64::from).collect::<Vec<_>>());
    assert_eq!(a.shared.centre.borrow().catalogue.centre.vi, "50");
    assert_eq!(*a.shared.centre.borrow(), *b.shared.centre.borrow());
}

#[test]
fn a_lease_that_is_lost_is_waited_for() {
    let (redis, data) = (Redis::start(), folder());
    let server = Server::start(&redis.url(), data.path()).unwrap();
    until("it writes", || server.is_writer());
    redis.ask(&["SET", "ioc:lease", "http://127.0.0.1:1 somebody", "PX", "2500"]);
    until("it notices", || !server.is_writer());
    server.record(1.0, None).unwrap();
    assert!(server.is_writer());
    assert_eq!(server.values(), [1.0]);
}

#[test]
fn only_servers_of_the_centre_are_answered() {
    let (redis, data) = (Redis::start(), folder());
    let server = Server::start(&redis.url(), data.path()).unwrap();
    until("it writes", || server.is_writer());
    let lease = redis.ask(&["GET", "ioc:lease"]);
    let url = format!("{}/internal/v1/log?after=0&limit=1", lease.split(' ').next().unwrap());
    let secret = redis.ask(&["GET", "ioc:secret"]);
    let status = |secret: &str| {
        let request = reqwest::Client::new().get(&url).header(crate::log::redis::SECRET_HEADER, secret).send();
        server.runtime.as_ref().unwrap().block_on(request).unwrap().status().as_u16()
    };
    assert_eq!(status(""), 403);
    assert_eq!(status("guessed"), 403);
    assert_eq!(status(secret.trim()), 200);
}

#[test]
fn what_a_cut_leaves_is_known_however_long_the_log_is_again() {
    let folder = folder();
    let runtime = Runtime::new().unwrap();
    let log = crate::log::local::LocalLog::open_archive(folder.path()).unwrap();
    let first = log.head().position.epoch;
    let grow = |count: usize| {
        let event = protocol::Event::LayoutShown(protocol::event::LayoutShown {
            at: Timestamp(0),
            wall: "main".into(),
            layout: "overview".into(),
        });
        let draft = crate::log::Draft { body: rmp_serde::to_vec_named(&event).unwrap(), event };
        runtime.block_on(log.append(vec![draft; count], Timestamp(0))).unwrap();
    };
    assert_eq!(log.kept_since(first).unwrap(), u64::MAX);
    grow(10);
    assert_eq!(runtime.block_on(log.cut(first + 1, 6)).unwrap(), 4);
    grow(10);
    assert_eq!(runtime.block_on(log.cut(first + 2, 12)).unwrap(), 4);
    assert_eq!(log.kept_since(first).unwrap(), 6, "the lowest of the cuts since then");
    assert_eq!(log.kept_since(first + 1).unwrap(), 12);
    assert_eq!(log.kept_since(first + 2).unwrap(), u64::MAX);
    assert_eq!(log.kept_since(first + 3).unwrap(), 0, "never its own");
}

#[test]
fn commands_are_decided_by_the_writer_and_read_where_they_were_given() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let a = Server::start(&redis.url(), a.path()).unwrap();
    until("the first writes", || a.is_writer());
    let b = Server::start(&redis.url(), b.path()).unwrap();
    let show = |layout: &str| Command::ShowLayout { wall: "main".into(), layout: layout.into() };
    let decided = b.command(show("other")).unwrap();
    assert!(!b.is_writer() && b.position().offset >= decided.offset);
    assert_eq!(b.shared.centre.borrow().walls[&protocol::WallId::from("main")].layout.as_str(), "other");
    until("both are at the head", || a.position() == b.position());
    assert_eq!(*a.shared.centre.borrow(), *b.shared.centre.borrow());
    let refused = b.command(show("none")).unwrap_err();
    assert!(matches!(refused, RecordError::Refused(Refusal::NotFound { .. })), "{refused}");
    let read_only = crate::hub::tests::revised().layouts[&protocol::LayoutId::from("other")].clone();
    let refused = b.command(Command::SaveLayout { layout: read_only, expected_version: 1 }).unwrap_err();
    assert!(matches!(refused, RecordError::Refused(Refusal::ReadOnly { .. })), "{refused}");
}

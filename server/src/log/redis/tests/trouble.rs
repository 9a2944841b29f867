//! What Redis and the links to it may do to servers.

use super::*;
use crate::log::redis::RedisSettings;

/// Passes bytes on; once armed it cuts the connection after the next append has reached Redis.
async fn cutting_proxy(redis: u16, armed: Arc<AtomicBool>) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let armed = Arc::clone(&armed);
            tokio::spawn(async move {
                let server = tokio::net::TcpStream::connect(("127.0.0.1", redis)).await.unwrap();
                let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                    (client.into_split(), server.into_split());
                let answers =
                    tokio::spawn(async move { drop(tokio::io::copy(&mut from_server, &mut to_client).await) });
                let mut bytes = vec![0; 1 << 20];
                while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
                    let is_append = bytes[..read].windows(8).any(|window| window == b"rainfall");
                    let is_cut = is_append && armed.swap(false, Ordering::SeqCst);
                    if is_cut {
                        answers.abort();
                    }
                    to_server.write_all(&bytes[..read]).await.unwrap();
                    if is_cut {
                        // Redis has it once it answers; the answer goes nowhere.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        return;
                    }
                }
                answers.abort();
            });
        }
    });
    port
}

#[test]
fn only_the_furthest_archive_seeds_a_redis_that_lost_everything() {
    let (redis, a, b, c) = (Redis::start(), folder(), folder(), folder());
    let mut a = Server::start(&redis.url(), a.path()).unwrap();
    let mut b = Server::start(&redis.url(), b.path()).unwrap();
    for value in 1..=10 {
        a.record(f64::from(value), None).unwrap();
    }
    until("both are at the head", || a.position() == b.position());
    let folder_of_b = b.kill();
    for value in 11..=15 {
        a.record(f64::from(value), None).unwrap();
    }
    let before = a.position();
    let folder_of_a = a.kill();
    redis.ask(&["FLUSHALL"]);
    // The furthest of all has told how far it is, and is slow from then on.
    redis.let_another_be_at(1_000_000);
    let servers = || redis.ask(&["SCARD", "ioc:servers"]).trim().parse::<usize>().unwrap();
    std::thread::scope(|scope| {
        let start = |folder: PathBuf| {
            let url = redis.url();
            scope.spawn(move || Server::start(&url, &folder).unwrap())
        };
        let behind = [start(folder_of_b), start(c.path().to_owned())];
        until("two that are behind have told so", || servers() == 3);
        let a = start(folder_of_a);
        until("so has the one that is not", || servers() == 4);
        assert_eq!(redis.ask(&["EXISTS", "ioc:head"]).trim(), "0", "nobody was in a hurry");
        redis.let_the_other_go();
        let a = a.join().unwrap();
        let [b, c] = behind.map(|server| server.join().unwrap());
        until("all are at the head", || a.position() == b.position() && a.position() == c.position());
        assert_eq!(a.position().offset, before.offset);
        let expected: Vec<f64> = (1..=15).map(f64::from).collect();
        for server in [&a, &b, &c] {
            assert_eq!((server.values(), server.losses()), (expected.clone(), Vec::new()));
        }
        c.record(16.0, None).unwrap();
    });
}

#[test]
fn an_append_whose_answer_is_lost_is_neither_lost_nor_doubled() {
    let (redis, data) = (Redis::start(), folder());
    let proxy = Runtime::new().unwrap();
    let armed = Arc::new(AtomicBool::new(false));
    let port = proxy.block_on(cutting_proxy(redis.port, Arc::clone(&armed)));
    let server = Server::start(&format!("redis://127.0.0.1:{port}/"), data.path()).unwrap();
    until("the configuration is in the log", || server.position().offset == 1);
    for value in 1..=10 {
        armed.store(true, Ordering::SeqCst);
        let before = server.position().offset;
        let recorded = server.record(f64::from(value), None).unwrap();
        assert!(!armed.load(Ordering::SeqCst), "the answer was cut off");
        assert_eq!((recorded.offset, recorded.repeated), (before + 1, false));
    }
    assert_eq!(server.values(), (1..=10).map(f64::from).collect::<Vec<_>>());
}

/// Counts how many of it run, on however many servers.
#[derive(Debug, Clone, Default)]
struct Counted {
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

struct Counting(Arc<AtomicUsize>);

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Source for Counted {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async move {
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            let _counting = Counting(Arc::clone(&self.running));
            self.most.fetch_max(running, Ordering::SeqCst);
            link.stopped().await;
            Ok(())
        })
    }
}

impl Counted {
    fn spec(&self) -> Vec<SourceSpec> {
        let info = SourceInfo { id: "counted".into(), name: Default::default(), kind: "counted".into(), owner: None };
        vec![SourceSpec::new(info, "", Some(Arc::new(self.clone())))]
    }

    fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }
}

/// Passes bytes on, but for as long as it is stalled.
async fn stalling_proxy(redis: u16, stalled: watch::Receiver<bool>) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = tokio::net::TcpStream::connect(("127.0.0.1", redis)).await.unwrap();
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            tokio::spawn(pass_on(from_client, to_server, stalled.clone()));
            tokio::spawn(pass_on(from_server, to_client, stalled.clone()));
        }
    });
    port
}

async fn pass_on(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut stalled: watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        if stalled.wait_for(|stalled| !stalled).await.is_err() || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

#[test]
fn sources_run_where_the_lease_is_and_nowhere_else() {
    let (redis, a, b) = (Redis::start(), folder(), folder());
    let (proxy, stall, counted) = (Runtime::new().unwrap(), watch::Sender::new(false), Counted::default());
    let port = proxy.block_on(stalling_proxy(redis.port, stall.subscribe()));
    let url = format!("redis://127.0.0.1:{port}/");
    let a = Server::start_with(&url, a.path(), counted.spec()).unwrap();
    until("the first writes", || a.is_writer());
    let mut b = Server::start_with(&redis.url(), b.path(), counted.spec()).unwrap();
    until("its sources run", || counted.running() == 1);
    // Redis still answers others: what is asked on these connections hangs.
    stall.send_replace(true);
    until("the other one writes", || b.is_writer());
    assert!(!a.is_writer(), "who cannot renew its lease does not count on it");
    until("its sources run", || counted.running() == 1);
    stall.send_replace(false);
    until("the first follows again", || !a.is_away());
    assert_eq!(counted.running(), 1);
    b.kill();
    until("the first writes again", || a.is_writer() && counted.running() == 1);
    assert_eq!(counted.most.load(Ordering::SeqCst), 1, "never two at once");
}

#[test]
fn a_stream_that_grows_too_large_is_trimmed_but_not_beyond_what_a_living_server_has() {
    let (redis, data) = (Redis::start(), folder());
    let server = Server::start(&redis.url(), data.path()).unwrap();
    until("it writes", || server.is_writer());
    redis.let_another_be_at(20);
    redis.limit(10 << 20);
    for value in 1..=80 {
        server.record_large(f64::from(value), 100_000).unwrap();
    }
    until("what both have is trimmed", || redis.first_entry() == 21);
    redis.let_the_other_go();
    until("the other one is gone", || redis.first_entry() > 21);
    assert_eq!(server.values().len(), 80);
}

#[test]
fn a_redis_that_is_full_recovers_by_itself() {
    let (redis, data) = (Redis::start(), folder());
    let server = Server::start(&redis.url(), data.path()).unwrap();
    until("it writes", || server.is_writer());
    // Nothing can be trimmed while another server needs all of it.
    redis.let_another_be_at(1);
    redis.limit(4 << 20);
    let mut acknowledged = Vec::new();
    let refused = (1..1000).map(f64::from).find_map(|value| match server.record_large(value, 400_000) {
        Ok(_) => {
            acknowledged.push(value);
            None
        }
        Err(refused) => Some(refused),
    });
    let refused = refused.expect("full at some time");
    assert!(matches!(&refused, RecordError::Unavailable { reason } if reason.contains("memory")), "{refused}");
    redis.let_the_other_go();
    until("there is room again", || server.record_large(5000.0, 400_000).is_ok());
    acknowledged.push(5000.0);
    assert_eq!(server.values(), acknowledged);
    assert_eq!(server.losses(), Vec::<String>::new());
}

#[test]
fn an_address_that_others_cannot_reach_is_not_told_to_them() {
    let folder = folder();
    let refused = Server::start("redis://10.1.2.10:6379/", folder.path()).err().expect("refused").to_string();
    assert!(refused.contains("[log] advertise"), "{refused}");
    for local in ["redis://localhost/", "redis://127.0.0.1:6380/0", "redis://[::1]:6379/", "unix:///run/redis.sock"] {
        assert!(!RedisSettings::is_remote(local), "{local}");
    }
    assert!(RedisSettings::is_remote("redis://redis.example:6379/0"));
}

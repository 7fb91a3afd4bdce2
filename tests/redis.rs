//! redis-cli and redis-server, with the example `resp` between them.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod peer;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use peer::{Running, are_installed, client, free_port, proxy, server};

struct Redis {
    _server: Running,
    proxy: Running,
    direct: u16,
    proxied: u16,
}

fn redis() -> Option<Redis> {
    if !are_installed(&["redis-server", "redis-cli"]) {
        return None;
    }
    let direct = free_port();
    let mut command = Command::new("redis-server");
    command.args(["--port", &direct.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    let server = server(&mut command, direct);
    let (proxy, proxied) = proxy("resp", direct);
    Some(Redis { _server: server, proxy, direct, proxied })
}

fn cli(port: u16, args: &[&str], input: &[u8]) -> String {
    let output = client(Command::new("redis-cli").args(["-p", &port.to_string()]).args(args), input);
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_redis_cli_is_told_does_not_depend_on_the_proxy() {
    let Some(redis) = redis() else { return };
    let script = "set users:42 Ada\nget users:42\nget users:none\nincr orders:n\nhset users:h a 1 b 2\nhgetall users:h\n\
        lpush users:42 x\nnosuchcommand\nrpush l a b c\nlrange l 0 -1\neval \"return {1,{2,3,{4}},'x'}\" 0\n\
        zadd z 1.5 a 2 b\nzrange z 0 -1 withscores\nmulti\nset a 1\nget a\nexec\nobject encoding a\ntype users:h\n\
        setrange big 100000 x\ngetrange big 99990 -1\nget big\nflushall\n";
    for options in [&[][..], &["-3"]] {
        let direct = cli(redis.direct, options, script.as_bytes());
        assert_eq!(cli(redis.proxied, options, script.as_bytes()), direct);
        assert!(direct.contains("Ada") && direct.contains("QUEUED"), "{direct}");
    }
    for line in ["users SET success", "users GET success", "orders INCR success", "users LPUSH exception"] {
        redis.proxy.line(line);
    }
}

#[test]
fn thousands_of_commands_at_once() {
    let Some(redis) = redis() else { return };
    let mut commands = Vec::new();
    for n in 0..20_000 {
        write!(commands, "*3\r\n$3\r\nSET\r\n$7\r\nk:{n:05}\r\n$5\r\n{n:05}\r\n").unwrap();
    }
    let said = cli(redis.proxied, &["--pipe"], &commands);
    assert!(said.contains("errors: 0, replies: 20000"), "{said}");
    assert_eq!(cli(redis.direct, &["get", "k:19999"], b""), "19999\n");
}

#[test]
fn a_large_value_comes_through_whole() {
    let Some(redis) = redis() else { return };
    let value: String = (0..600_000).map(|n| format!("{n:07}")).collect();
    assert_eq!(cli(redis.proxied, &["-x", "set", "big:1"], value.as_bytes()), "OK\n");
    assert_eq!(cli(redis.proxied, &["get", "big:1"], b"").trim_end(), value);
    redis.proxy.line("big GET success");
}

#[test]
fn messages_of_a_subscription_arrive() {
    let Some(redis) = redis() else { return };
    for (channel, options) in [("two", &[][..]), ("three", &["-3"])] {
        let port = redis.proxied.to_string();
        let mut command = Command::new("redis-cli");
        command.args(["-p", &port]).args(options).args(["subscribe", channel]);
        let subscriber = Running::start(&mut command);
        subscriber.line("subscribe");
        subscriber.line(channel);
        for n in 0..3 {
            assert_eq!(cli(redis.proxied, &["publish", channel, &format!("message {n}")], b""), "1\n");
            subscriber.line(&format!("message {n}"));
        }
    }
}

#[test]
fn a_monitor_sees_what_others_do() {
    let Some(redis) = redis() else { return };
    let port = redis.proxied.to_string();
    let monitor = Running::start(Command::new("redis-cli").args(["-p", &port, "monitor"]));
    monitor.line("OK");
    cli(redis.proxied, &["set", "users:1", "x"], b"");
    monitor.line("\"set\" \"users:1\" \"x\"");
}

#[test]
fn a_cache_is_told_what_became_stale() {
    let Some(redis) = redis() else { return };
    let mut stream = connect(redis.proxied);
    stream.write_all(b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n*3\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n").unwrap();
    stream.write_all(b"*2\r\n$3\r\nGET\r\n$7\r\nusers:1\r\n").unwrap();
    let told = until(&mut stream, b"+OK\r\n_\r\n");
    assert!(told.starts_with('%'), "{told}");
    cli(redis.direct, &["set", "users:1", "x"], b"");
    let told = until(&mut stream, b"users:1\r\n");
    assert_eq!(told, ">2\r\n$10\r\ninvalidate\r\n*1\r\n$7\r\nusers:1\r\n");
}

#[test]
fn quit_is_answered_and_closes_the_connection() {
    let Some(redis) = redis() else { return };
    let mut stream = connect(redis.proxied);
    stream.write_all(b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n").unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    assert_eq!(told, "+PONG\r\n+OK\r\n");
}

#[test]
fn an_error_of_the_protocol_is_said_and_closes_the_connection() {
    let Some(redis) = redis() else { return };
    let mut stream = connect(redis.proxied);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    assert_eq!(told, "-ERR Protocol error: a command is an array of bulk strings\r\n");
}

#[test]
fn without_a_server_the_proxy_answers_itself() {
    if !are_installed(&["redis-cli"]) {
        return;
    }
    let (_proxy, port) = proxy("resp", free_port());
    assert_eq!(cli(port, &["get", "users:1"], b"").trim(), "UNAVAILABLE the upstream cannot be reached");
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Reads until what was read ends so.
fn until(stream: &mut TcpStream, end: &[u8]) -> String {
    let mut read = Vec::new();
    let mut piece = [0; 1024];
    while !read.ends_with(end) {
        let n = stream.read(&mut piece).unwrap();
        assert!(n > 0, "closed after {:?}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..n]);
    }
    String::from_utf8(read).unwrap()
}

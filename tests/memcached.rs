//! The clients of libmemcached and memcached, with the example `custom_protocol` between them.
#![allow(clippy::panic, clippy::unwrap_used)]

mod peer;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use peer::{Running, are_installed, client, free_port, proxy, server};

struct Memcached {
    _server: Running,
    proxy: Running,
    port: u16,
}

fn memcached() -> Option<Memcached> {
    if !are_installed(&["memcached", "memccp", "memccat", "memcrm", "memcexist", "memctouch", "memccapable"]) {
        return None;
    }
    let port = free_port();
    let mut command = Command::new("memcached");
    // As root it wants to know whom to be instead; as anybody else it does not care.
    command.args(["-l", "127.0.0.1", "-p", &port.to_string(), "-U", "0", "-u", "nobody"]);
    let server = server(&mut command, port);
    let (proxy, port) = proxy("custom_protocol", port);
    Some(Memcached { _server: server, proxy, port })
}

/// Runs a client of libmemcached in `dir`.
fn tool(name: &str, port: u16, dir: &Path, args: &[&str]) -> Output {
    let servers = format!("--servers=127.0.0.1:{port}");
    client(Command::new(name).current_dir(dir).args(["--binary", &servers]).args(args), b"")
}

fn directory(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn values_go_and_come() {
    let Some(memcached) = memcached() else { return };
    let (port, dir) = (memcached.port, directory("memcached-values"));
    // The name of the file is the key.
    std::fs::write(dir.join("users:1"), "Ada").unwrap();
    std::fs::write(dir.join("orders:2"), "a book").unwrap();
    assert!(tool("memccp", port, &dir, &["users:1", "orders:2"]).status.success());
    assert_eq!(tool("memccat", port, &dir, &["users:1", "orders:2"]).stdout, b"Ada\na book\n");
    assert!(tool("memcexist", port, &dir, &["users:1"]).status.success());
    assert!(tool("memctouch", port, &dir, &["--expire=100", "users:1"]).status.success());
    assert!(tool("memcrm", port, &dir, &["users:1"]).status.success());
    assert!(!tool("memcexist", port, &dir, &["users:1"]).status.success());
    assert_eq!(tool("memccat", port, &dir, &["users:1"]).stdout, b"");
    assert_eq!(tool("memccat", port, &dir, &["orders:2"]).stdout, b"a book\n");
    for line in ["users set success", "orders set success", "users getk success", "users delete success"] {
        memcached.proxy.line(line);
    }
}

#[test]
fn a_large_value_comes_through_whole() {
    let Some(memcached) = memcached() else { return };
    let dir = directory("memcached-large");
    let value: String = (0..100_000).map(|n| format!("{n:07}")).collect();
    std::fs::write(dir.join("big:1"), &value).unwrap();
    assert!(tool("memccp", memcached.port, &dir, &["big:1"]).status.success());
    let got = tool("memccat", memcached.port, &dir, &["big:1"]).stdout;
    assert!(got.strip_suffix(b"\n") == Some(value.as_bytes()), "{} bytes", got.len());
}

/// The test suite that libmemcached has for servers: each opcode, quiet ones with what is said and what is not.
#[test]
fn the_proxy_is_as_capable_as_the_server() {
    let Some(memcached) = memcached() else { return };
    let port = memcached.port.to_string();
    let output = client(Command::new("memccapable").args(["-b", "-h", "127.0.0.1", "-p", &port]), b"");
    let said = String::from_utf8(output.stdout).unwrap();
    // `stat` is the one that is known to fail; what fails is said elsewhere.
    let passed: Vec<_> = said.lines().filter(|line| line.ends_with("[pass]")).collect();
    assert_eq!(passed.len(), 26, "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!passed.iter().any(|line| line.starts_with("binary stat ")), "{said}");
}

#[test]
fn without_a_server_the_proxy_answers_itself() {
    if !are_installed(&["memcrm"]) {
        return;
    }
    let (proxy, port) = proxy("custom_protocol", free_port());
    assert!(!tool("memcrm", port, &directory("memcached-none"), &["users:1"]).status.success());
    proxy.line("users delete unavailable");
}

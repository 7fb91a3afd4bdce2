//! The sidecar's command line, its file and its schema. What it forwards is `tests/interop`'s to say.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)] // a test that cannot go on panics

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The example's binary stands beside this one's directory: cargo builds both for a test run.
fn sidecar() -> Command {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    Command::new(path.join("examples").join(format!("sidecar{}", std::env::consts::EXE_SUFFIX)))
}

fn run(args: &[&str]) -> Output {
    sidecar().args(args).output().expect("cargo builds examples before it runs tests")
}

fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("sidecar-{}-{name}.yaml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_example_works_as_it_is() {
    let output = run(&["--config", "examples/sidecar.yaml", "--check"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let path = file(
        "wrong",
        "
listeners:
  - {name: a, address: '127.0.0.1:0', protocol: gopher}
  - {name: a, address: '127.0.0.1:0', protocol: [http1, dubbo]}
routes:
  virtual_hosts:
    - hosts: ['*']
      routes:
        - {match: {fields: [{name: tenant, exact: x}]}, cluster: nowhere}
        - {cluster: here, reply: {outcome: denied}}
clusters:
  - {name: here, address: localhost}
",
    );
    let output = run(&["--config", &path, "--check"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for part in [
        "listeners[0].protocol: no protocol \"gopher\": there is http1, http2, dubbo, bolt, thrift",
        "listeners[1].name: there are two listeners \"a\"",
        "routes.virtual_hosts[0].routes[1]: ",
        "routes.virtual_hosts[0].routes[0]: there is no cluster \"nowhere\"",
        "clusters[0].address: \"localhost\" has no port",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn a_splice_has_one_protocol_and_a_cluster() {
    let config = |protocol, splice| {
        format!(
            "
listeners: [{{name: in, address: '127.0.0.1:0', protocol: {protocol}, splice: {splice}}}]
routes: {{virtual_hosts: []}}
clusters: [{{name: c, address: '127.0.0.1:1'}}]
"
        )
    };
    for (name, protocol, splice, problem) in [
        ("splice-auto", "auto", "c", "listeners[0].protocol: a splice takes http2, or grpc, and nothing else"),
        ("splice-http1", "http1", "c", "listeners[0].protocol: a splice takes http2, or grpc, and nothing else"),
        ("splice-to", "grpc", "d", "listeners[0].splice: there is no cluster \"d\""),
    ] {
        let output = run(&["--config", &file(name, &config(protocol, splice)), "--check"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(problem), "{said}");
    }
    assert!(run(&["--config", &file("splice", &config("http2", "c")), "--check"]).status.success());
}

#[test]
fn a_listener_may_name_the_service_that_dubbo_hides() {
    let config = |line: &str| {
        format!(
            "
listeners: [{{name: in, address: '127.0.0.1:0', {line}}}]
routes: {{virtual_hosts: [], unseen_fields: miss}}
clusters: []
"
        )
    };
    let checked = |line: &str| run(&["--config", &file("hidden", &config(line)), "--check"]).status.success();
    assert!(checked("dubbo_service: com.example.Greeter"));
    assert!(!checked("dubbo_service: [com.example.Greeter]"));
}

#[test]
fn a_wrong_key_is_refused() {
    let path = file("key", "listeners: []\nroutes: {virtual_hosts: []}\nclusters: []\nlistener: 1\n");
    let output = run(&["--config", &path, "--check"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("listener"), "{said}");
}

/// Every object of the schema lists what it allows, and what the example uses is among it.
#[test]
fn the_schema_describes_the_example() {
    let output = run(&["--schema"]);
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let example = std::fs::read_to_string("examples/sidecar.yaml").unwrap();
    let example: Value = serde_saphyr::from_str(&example).unwrap();
    let problems = unexplained(&schema, &schema, &example, "");
    assert!(problems.is_empty(), "{problems:?}");
}

/// Keys of `value` that `schema` does not name.
fn unexplained(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let definition = name.trim_start_matches("#/$defs/");
        return unexplained(root, &root["$defs"][definition], value, at);
    }
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(n, item)| unexplained(root, &schema["items"], item, &format!("{at}[{n}]")))
            .collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, member)| {
                let options = schema["oneOf"].as_array().cloned().unwrap_or_default();
                let found = std::iter::once(schema).chain(&options).find_map(|schema| schema["properties"].get(key));
                match found {
                    Some(schema) => unexplained(root, schema, member, &format!("{at}.{key}")),
                    None => vec![format!("{at}.{key}")],
                }
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn it_serves_answers_errors_and_ends_when_told() {
    let path = file(
        "serve",
        "
listeners:
  - {name: in, address: '127.0.0.1:0', limits: {message: 1000}}
routes: {virtual_hosts: [{hosts: [known], routes: [{cluster: gone}]}]}
clusters: [{name: gone, address: 'unix:/nonexistent/socket'}]
",
    );
    let mut child = sidecar().args(["--config", &path]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listener in: ").unwrap().to_owned();
    let ask = |request: &str| {
        let mut io = TcpStream::connect(&address).unwrap();
        io.write_all(request.as_bytes()).unwrap();
        io.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        io.read_to_string(&mut answer).unwrap();
        answer.get(9..12).unwrap_or("none").to_owned()
    };
    let statuses = [
        ask("GET / HTTP/1.1\r\nHost: unknown\r\n\r\n"),
        ask("GET / HTTP/1.1\r\nHost: known\r\n\r\n"),
        ask("GET / HTTP/1.1\r\nHost: known\r\nHost: other\r\n\r\n"),
        ask("GET / HTTP/1.9\r\nHost: known\r\n\r\n"),
        ask("POST / HTTP/1.1\r\nHost: known\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
        ask("POST / HTTP/1.1\r\nHost: known\r\nContent-Length: 2000\r\n\r\n"),
        ask(&format!("GET /{} HTTP/1.1\r\nHost: known\r\n\r\n", "x".repeat(40_000))),
        ask(&format!("GET / HTTP/1.1\r\nHost: known\r\n{}\r\n", "A: b\r\n".repeat(200))),
    ];
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(statuses, ["404", "503", "400", "505", "501", "413", "414", "431"]);
}

//! What the example protocols share: a command line, a proxy over sockets, and a demonstration without any.

use std::collections::HashMap;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use meshwire::io::{Address, Connect, Dial, RelayDriver};
use meshwire::route::Target;
use meshwire::{
    Attr, Attribute, Conn, Endpoint, Event, ExchangeId, Head, LocalReply, Outcome, Protocol, Relay, RelayStep,
    RouteTable, RoutingKey, Step,
};
use tokio::net::{TcpListener, TcpStream};

/// Whatever an example fails with.
pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Runs the example: `demo` without arguments, a proxy with them.
pub(crate) fn run(name: &str, protocol: Arc<dyn Protocol>, demo: impl FnOnce() -> Result<(), Failed>) -> ExitCode {
    let done = match arguments(name) {
        Ok(Mode::Demo) => demo(),
        Ok(Mode::Help(text)) => {
            println!("{text}");
            Ok(())
        }
        Ok(Mode::Proxy { listen, upstream, verbose }) => tokio::runtime::Runtime::new()
            .map_err(Failed::from)
            .and_then(|runtime| runtime.block_on(proxy(protocol, &listen, upstream, verbose)).map_err(Failed::from)),
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::from(2)
        }
    }
}

enum Mode {
    Demo,
    Help(String),
    Proxy { listen: String, upstream: Address, verbose: bool },
}

fn arguments(name: &str) -> Result<Mode, Failed> {
    let (mut listen, mut upstream, mut verbose) = (None, None, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--listen" => listen = Some(args.next().ok_or("--listen needs an address")?),
            "--upstream" => upstream = Some(args.next().ok_or("--upstream needs an address")?.parse()?),
            "-v" | "--verbose" => verbose = true,
            "-h" | "--help" => return Ok(Mode::Help(help(name))),
            other => return Err(format!("{other:?} is no option; try --help").into()),
        }
    }
    match (listen, upstream) {
        (Some(listen), Some(upstream)) => Ok(Mode::Proxy { listen, upstream, verbose }),
        (None, None) => Ok(Mode::Demo),
        _ => Err("a proxy needs both --listen and --upstream".into()),
    }
}

fn help(name: &str) -> String {
    format!(
        "{name}: one protocol written against the public API, shown at work\n\n\
         Usage: {name}                                     show it in memory, and stop\n       \
         {name} --listen ADDRESS --upstream ADDRESS    be a proxy between real peers\n\n  \
         --listen ADDRESS     where to listen; with port 0 the system picks one, and it is printed\n  \
         --upstream ADDRESS   where requests go: host:port or unix:/path\n  \
         -v, --verbose        a line for each request\n  \
         -h, --help           this text"
    )
}

// ----- over sockets -----

async fn proxy(protocol: Arc<dyn Protocol>, listen: &str, upstream: Address, verbose: bool) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (client, _) = listener.accept().await?;
        let (protocol, upstream) = (Arc::clone(&protocol), upstream.clone());
        tokio::spawn(async move {
            if let Err(error) = serve(client, &*protocol, &upstream, verbose).await {
                eprintln!("a connection failed: {error}");
            }
        });
    }
}

/// One client, with an upstream connection of its own that is dialed at its first request.
async fn serve(client: TcpStream, protocol: &dyn Protocol, address: &Address, verbose: bool) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut driver = RelayDriver::new(client, Endpoint::new(protocol.codec(Conn::server())));
    let (mut upstream, mut names) = (None, HashMap::new());
    loop {
        let Ok(step) = tokio::time::timeout(Duration::from_secs(1), driver.step()).await else {
            // A server that has closed its end, as after a quit, has nothing more to say to this client.
            let relay = driver.relay();
            if upstream.is_some_and(|link| relay.upstream(link).is_none())
                && relay.open() == 0
                && relay.downstream().output().is_empty()
            {
                return Ok(());
            }
            continue;
        };
        match step? {
            RelayStep::Request(exchange, head) => {
                if verbose {
                    names.insert(exchange, destination(&head));
                }
                if upstream.is_none_or(|link| !driver.relay().is_usable(link)) {
                    let end = Endpoint::new(protocol.codec(Conn::client()));
                    let dialed = Dial::default().connect(address).await;
                    upstream = dialed.ok().map(|io| driver.connect(io, end, &protocol.traits()));
                }
                match upstream {
                    Some(link) => driver.relay().forward(exchange, link, head),
                    None => {
                        let reply = LocalReply::new(Outcome::Unavailable, "the upstream cannot be reached");
                        driver.relay().respond(exchange, &reply);
                    }
                }
            }
            RelayStep::Done(done) => {
                if let Some(name) = names.remove(&done.exchange) {
                    println!("{name} {}", done.outcome);
                }
            }
            RelayStep::Refused(error) => eprintln!("refused: {error}"),
            RelayStep::Closed => return Ok(()),
            RelayStep::Idle => {}
        }
    }
}

fn destination(head: &Head) -> String {
    let text = |attribute| match head.attribute(attribute) {
        Attr::Value(value) => String::from_utf8_lossy(value).into_owned(),
        Attr::Absent => "-".into(),
        Attr::NotSeen => "?".into(),
    };
    format!("{} {}", text(Attribute::Service), text(Attribute::Method))
}

// ----- in memory -----

/// The same document would route any other protocol: it never says which one it is for.
const ROUTES: &str = "
virtual_hosts:
  - hosts: [secrets]
    routes:
      - reply: {outcome: denied, message: nobody may ask for this}
  - hosts: ['*']
    routes:
      - cluster: cache
";

/// Plays a client that sends `requests`, a relay that routes them, and an upstream that answers each as `answer` says.
/// Prints what became of each, and gives back what the client received.
pub(crate) fn demo(
    protocol: &dyn Protocol,
    requests: &[u8],
    mut answer: impl FnMut(&Head) -> Vec<u8>,
) -> Result<Vec<u8>, Failed> {
    let routes = RouteTable::from_yaml(ROUTES)?;
    let mut relay = Relay::new(Endpoint::new(protocol.codec(Conn::server())));
    let cluster = relay.connect(Endpoint::new(protocol.codec(Conn::client())), &protocol.traits());
    let mut upstream = Endpoint::new(protocol.codec(Conn::server()));
    let mut names: HashMap<ExchangeId, (String, &str)> = HashMap::new();

    println!("{:<28} {:<10} {:<10} {:>8} {:>8}", "service and method", "goes to", "outcome", "asked", "answered");
    relay.downstream().input().extend_from_slice(requests);
    loop {
        match relay.poll() {
            RelayStep::Request(exchange, head) => {
                let found = routes.lookup(&head, 0).map_err(|miss| format!("no route: {miss:?}"))?;
                match found.target() {
                    Target::Cluster(name) => {
                        names.insert(exchange, (destination(&head), name));
                        relay.forward(exchange, cluster, head);
                    }
                    Target::Reply(reply) => {
                        names.insert(exchange, (destination(&head), "nobody"));
                        relay.respond(exchange, &reply);
                    }
                }
            }
            RelayStep::Done(done) => {
                let (name, target) = names.remove(&done.exchange).unwrap_or_default();
                let (asked, answered) = (done.request_bytes, done.response_bytes);
                println!("{name:<28} {target:<10} {:<10} {asked:>8} {answered:>8}", done.outcome.name());
            }
            RelayStep::Refused(error) => println!("refused: {error}"),
            RelayStep::Closed => break,
            RelayStep::Idle => {
                let Some(end) = relay.upstream(cluster) else { break };
                let sent = end.output_mut().take();
                if sent.is_empty() {
                    break;
                }
                upstream.input().extend_from_slice(&sent);
                let mut answers = Vec::new();
                while let Step::Event(event) = upstream.decode()? {
                    if let Event::Head(head) = event {
                        answers.extend(answer(&head));
                        upstream.release(head.stream(), head.data().len());
                    }
                }
                end.input().extend_from_slice(&answers);
            }
        }
    }
    Ok(relay.downstream().output_mut().take())
}

//! volo-thrift as a peer: `interop-volo FLAVOUR server PORT SECONDS`, `interop-volo FLAVOUR client HOST:PORT CASE...`
//! or `interop-volo version`.

mod cases;
mod link;
mod server;

/// What `build.rs` made.
mod generated {
    include!(concat!(env!("OUT_DIR"), "/volo_gen.rs"));
    pub(crate) use volo_gen::echo;
}

use std::time::Duration;

use generated::echo;
use tokio::io::{AsyncReadExt, stdin};

/// The flavour in which a connection has many calls at a time.
const MUX: &str = "ttheader-mux";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["version"] => println!("{}", version()),
        [flavour, "server", port, seconds] => {
            server::start(flavour, port.parse()?).await?;
            println!("READY {port}");
            // The end of input is the end.
            let end = async { while stdin().read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {} };
            if tokio::time::timeout(Duration::from_secs(seconds.parse()?), end).await.is_err() {
                std::process::exit(1);
            }
            std::process::exit(0);
        }
        [flavour, "client", address, names @ ..] => {
            let cases = cases::Cases::new(flavour, address)?;
            for name in names {
                match tokio::time::timeout(Duration::from_secs(80), cases.run(name)).await {
                    Ok(Ok(remark)) => println!("{name} ok {remark}"),
                    Ok(Err(error)) => {
                        let text = error.to_string();
                        println!("{name} FAIL {:.300}", text.split_whitespace().collect::<Vec<_>>().join(" "));
                    }
                    Err(_) => println!("{name} FAIL nothing in 80 s"),
                }
            }
            std::process::exit(0);
        }
        _ => return Err(format!("cannot do {args:?}").into()),
    }
    Ok(())
}

/// As the manifest pins it: the library does not tell.
fn version() -> &'static str {
    let (_, rest) = include_str!("../Cargo.toml").split_once("volo-thrift = { version = \"=").unwrap_or_default();
    rest.split('"').next().unwrap_or_default()
}

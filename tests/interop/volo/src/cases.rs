//! What a client does to a server, one method a case.

use std::cell::RefCell;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use metainfo::{Backward, Forward, METAINFO, MetaInfo};
use pilota::{AHashMap, AHashSet};
use tokio::task::JoinSet;
use volo_thrift::{ApplicationExceptionKind, ClientError, MaybeException};

use crate::MUX;
use crate::echo::{EchoRefuseException, Leaf, Nested, Refused};
use crate::link::Link;

/// Those of the proxy's own answers that are errors; also the end of the service names that it answers for.
const OUTCOMES: [&str; 13] = [
    "exception",
    "bad_request",
    "no_route",
    "unavailable",
    "timeout",
    "overloaded",
    "bad_response",
    "too_large",
    "denied",
    "unimplemented",
    "cancelled",
    "server_error",
    "unknown",
];

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Done<T = ()> = Result<T, Failure>;

pub struct Cases {
    flavour: String,
    address: SocketAddr,
    /// For all cases but some.
    link: Link,
}

impl Cases {
    pub fn new(flavour: &str, address: &str) -> Done<Self> {
        let address = address.parse()?;
        Ok(Self { flavour: flavour.to_owned(), address, link: Link::new(flavour, address, "Echo")? })
    }

    pub async fn run(&self, name: &str) -> Done<String> {
        match name {
            "call" => self.call().await?,
            "oneway" => self.oneway().await?,
            "exception" => self.exception().await?,
            "unknown-method" => return self.unknown_method().await,
            "nested" => self.nested().await?,
            "body-1m" => echoed(&self.link, 1 << 20).await?,
            "many" => {
                self.again().await?;
                let before = self.link.connections();
                counted(&self.link, 0, 200).await?;
                same(&before, &self.link.connections())?;
            }
            "concurrent" if self.flavour == MUX => self.in_flight().await?,
            "concurrent" => self.concurrent().await?,
            "fields" => self.fields().await?,
            "local-replies" => return self.local_replies().await,
            _ => return Err("no such case".into()),
        }
        Ok(String::new())
    }

    async fn again(&self) -> Done {
        texted(&self.link, "again".into()).await
    }

    async fn call(&self) -> Done {
        for text in ["world", "wörld", "世界", "\u{1F600}", "\"\\/\n\u{1}", "", &"x".repeat(70_000)] {
            texted(&self.link, text.to_owned()).await?;
        }
        Ok(self.link.client.ping().await?)
    }

    async fn oneway(&self) -> Done {
        let client = &self.link.client;
        let mark = format!("{} {}", std::process::id(), SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
        same(&0, &client.posted(mark.clone().into()).await?)?;
        client.post(mark.clone().into()).await?;
        let mut times = 0;
        for _ in 0..50 {
            times = client.posted(mark.clone().into()).await?;
            if times != 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        same(&1, &times)
    }

    async fn exception(&self) -> Done {
        for code in [7, -1, i32::MAX] {
            let expected = Refused { code: Some(code), why: Some(format!("no {code}").into()) };
            match self.link.client.refuse(code).await? {
                MaybeException::Exception(EchoRefuseException::Refused(refused)) => same(&expected, &refused)?,
                MaybeException::Ok(text) => return Err(format!("answered {text:?}").into()),
            }
        }
        self.again().await
    }

    async fn unknown_method(&self) -> Done<String> {
        let error = match self.link.client.missing("x".into()).await {
            Err(ClientError::Application(error)) => error,
            other => return Err(format!("answered {other:?}").into()),
        };
        // Kitex looks for a service that has the method, and says 20 if there is none.
        if ![ApplicationExceptionKind::UNKNOWN_METHOD.as_i32(), 20].contains(&error.kind().as_i32()) {
            return Err(error.into());
        }
        self.again().await?;
        Ok(error.message().to_string())
    }

    async fn nested(&self) -> Done {
        for value in [full(None), full(Some(leaf(i32::MAX, &"x".repeat(300), 1.0 / 3.0, true))), empty()] {
            same(&value, &self.link.client.nested(value.clone()).await?)?;
        }
        Ok(())
    }

    /// On eight connections.
    async fn concurrent(&self) -> Done {
        let mut all = JoinSet::new();
        for i in 0..8 {
            let own = Link::new(&self.flavour, self.address, "Echo")?;
            all.spawn(async move { counted(&own, i * 50, i * 50 + 50).await });
        }
        while let Some(done) = all.join_next().await {
            done??;
        }
        Ok(())
    }

    /// On one connection: the answers come in another order than the questions.
    async fn in_flight(&self) -> Done {
        self.again().await?;
        let before = self.link.connections();
        let began = Instant::now();
        let mut all = JoinSet::new();
        for i in 0..400 {
            let link = self.link.clone();
            all.spawn(async move { texted(&link, format!("wait {} for {i}", 100 + i * 37 % 200)).await });
        }
        while let Some(done) = all.join_next().await {
            done??;
        }
        if began.elapsed() > Duration::from_secs(10) {
            return Err(format!("one after the other, in {:?}", began.elapsed()).into());
        }
        same(&before, &self.link.connections())
    }

    /// They come with one call and not with the next. An answer brings one too.
    async fn fields(&self) -> Done {
        const ASK: &str = "fields ONE TWO THREE";
        let long = "z".repeat(200);
        let mut info = MetaInfo::new();
        info.set_persistent("ONE", "1");
        info.set_transient("TWO", format!("zwei ü {long}"));
        let call = async {
            let got = self.link.client.call(ASK.into()).await;
            (got, METAINFO.with(|info| info.borrow().get_backward_downstream("BACK")))
        };
        let (got, back) = METAINFO.scope(RefCell::new(info), call).await;
        let got = got?;
        same(&format!("ONE=1 TWO=zwei ü {long} THREE="), &got.to_string())?;
        same(&Some(got), &back)?;
        same(&"ONE= TWO= THREE=", &self.link.client.call(ASK.into()).await?.as_str())
    }

    async fn local_replies(&self) -> Done<String> {
        let mut kinds = Vec::new();
        for outcome in OUTCOMES {
            let link = Link::new(&self.flavour, self.address, &format!("interop.reply.{outcome}"))?;
            match link.client.call("x".into()).await {
                Err(ClientError::Application(error)) => kinds.push(format!("{outcome}={}", error.kind().as_i32())),
                other => return Err(format!("{outcome}: answered {other:?}").into()),
            }
        }
        self.again().await?;
        Ok(kinds.join(" "))
    }
}

/// Two calls for each number, of sizes that depend on it and are not over 5000.
async fn counted(link: &Link, from: usize, to: usize) -> Done {
    for i in from..to {
        echoed(link, i * 25 % 5001).await?;
        texted(link, format!("{i} {}", "y".repeat(i * 7 % 300))).await?;
    }
    Ok(())
}

async fn texted(link: &Link, text: String) -> Done {
    let got = link.client.call(text.clone().into()).await?;
    same(&text.as_str(), &got.as_str())
}

async fn echoed(link: &Link, size: usize) -> Done {
    let sent = numbered(size);
    let got = link.client.bytes(sent.clone().into()).await?;
    if got != sent {
        return Err(format!("{} bytes went, other {} came back", sent.len(), got.len()).into());
    }
    Ok(())
}

/// Lines of numbers, cut at this size: no two places look the same.
fn numbered(size: usize) -> Vec<u8> {
    let lines = (1..).flat_map(|i: u64| format!("{i}\n").into_bytes());
    lines.take(size).collect()
}

fn full(leaf_too: Option<Leaf>) -> Nested {
    let leaves = [("none", vec![]), ("зима", vec![leaf(1, "eins", 0.5, true), leaf(-2, "", -1e300, false)])]
        .map(|(k, v)| (k.into(), v));
    let deep = AHashMap::from_iter([(5, vec!["a".into(), "b".into()]), (i32::MIN, vec!["".into()])]);
    Nested {
        leaves: Some(AHashMap::from_iter(leaves)),
        numbers: Some(AHashSet::from_iter([i64::MIN, -1, 0, i64::MAX])),
        deep: Some(vec![deep, AHashMap::default()]),
        leaf: leaf_too,
        flags: Some(vec![true, false, false, true, true, true, false, true, false]),
        small: Some(i8::MIN),
        short_one: Some(i16::MAX),
    }
}

fn empty() -> Nested {
    Nested {
        leaves: Some(AHashMap::default()),
        numbers: Some(AHashSet::default()),
        deep: Some(vec![]),
        leaf: None,
        flags: Some(vec![]),
        small: Some(0),
        short_one: Some(0),
    }
}

fn leaf(number: i32, text: &str, half: f64, yes: bool) -> Leaf {
    Leaf { number: Some(number), text: Some(text.to_owned().into()), half: Some(half), yes: Some(yes) }
}

fn same<T: PartialEq + Debug>(expected: &T, got: &T) -> Done {
    if expected == got { Ok(()) } else { Err(format!("expected {expected:?}, got {got:?}").into()) }
}

//! The cases, all of them on one channel.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_stream::StreamExt;
use tonic::client::Grpc;
use tonic::metadata::{AsciiMetadataValue, BinaryMetadataValue, MetadataMap};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tower_service::Service;

use crate::raw::{LARGEST, Raw, filled};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Done<T = ()> = Result<T, Failure>;

#[derive(Clone)]
pub struct Cases {
    grpc: Grpc<Channel>,
    connections: Arc<AtomicUsize>,
}

/// Connects, and counts.
struct Connector(String, Arc<AtomicUsize>);

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (address, count) = (self.0.clone(), Arc::clone(&self.1));
        Box::pin(async move {
            let io = TcpStream::connect(address).await?;
            io.set_nodelay(true)?;
            count.fetch_add(1, SeqCst);
            Ok(TokioIo::new(io))
        })
    }
}

impl Cases {
    pub fn new(address: &str) -> Result<Self, tonic::transport::Error> {
        let connections = Arc::new(AtomicUsize::new(0));
        let connector = Connector(address.to_owned(), Arc::clone(&connections));
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_with_connector_lazy(connector);
        let grpc = Grpc::new(channel).max_decoding_message_size(LARGEST).max_encoding_message_size(LARGEST);
        Ok(Self { grpc, connections })
    }

    pub async fn run(&self, name: &str) -> Done<String> {
        match name {
            "unary" => {
                for size in 0..100 {
                    self.echoed(numbered(size * size)).await?;
                }
            }
            "server-stream" => {
                for (count, size) in [(1000, 1000), (0, 0), (3, 100_000), (5, 0)] {
                    self.streamed(count, size).await?;
                }
            }
            "client-stream" => {
                for (count, size) in [(1000, 1000), (0, 0), (3, 100_000), (5, 0)] {
                    self.sent(count, size).await?;
                }
            }
            "bidi" => self.bidi().await?,
            "metadata" => self.metadata().await?,
            "deadline" => self.deadline().await?,
            "large" => {
                self.echoed(numbered(8 << 20)).await?;
                self.streamed(2, 6 << 20).await?;
                self.sent(2, 6 << 20).await?;
            }
            "error" => self.error().await?,
            "cancel" => self.cancel(1).await?,
            "concurrent" => return self.concurrent().await,
            "rapid-cancel" => return self.rapid_cancel().await,
            "full-rate" => return self.full_rate().await,
            "goaway" => return self.go_away().await,
            _ => return Err("no such case".into()),
        }
        Ok(String::new())
    }

    async fn unary(&self, method: &'static str, request: impl Into<Vec<u8>>) -> Result<Vec<u8>, Status> {
        self.call(method, Request::new(request.into())).await.map(Response::into_inner)
    }

    async fn call(&self, method: &'static str, mut request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Status> {
        let mut grpc = self.grpc.clone();
        if request.metadata().get("grpc-timeout").is_none() {
            request.set_timeout(Duration::from_secs(60));
        }
        grpc.ready().await.map_err(|e| Status::unavailable(e.to_string()))?;
        grpc.unary(request, path(method), Raw).await
    }

    async fn echoed(&self, sent: Vec<u8>) -> Done {
        let got = self.unary("Unary", sent.clone()).await?;
        check(got == sent, || format!("{} bytes went, other {} came back", sent.len(), got.len()))
    }

    async fn streamed(&self, count: usize, size: usize) -> Done {
        let mut grpc = self.grpc.clone();
        grpc.ready().await?;
        let request = Request::new(format!("{count} {size}").into_bytes());
        let mut messages = grpc.server_streaming(request, path("ServerStream"), Raw).await?.into_inner();
        for i in 0..count {
            let message = messages.message().await?;
            check(message.as_ref() == Some(&filled(i, size)), || format!("message {i} is another"))?;
        }
        check(messages.message().await?.is_none(), || "there is more".into())
    }

    async fn sent(&self, count: usize, size: usize) -> Done {
        let mut grpc = self.grpc.clone();
        grpc.ready().await?;
        let messages = tokio_stream::iter(0..count).map(move |_| vec![0; size]);
        let got = grpc.client_streaming(Request::new(messages), path("ClientStream"), Raw).await?.into_inner();
        check(got == format!("{count} {}", count * size).into_bytes(), || format!("got {}", got.escape_ascii()))
    }

    async fn bidi(&self) -> Done {
        let mut grpc = self.grpc.clone();
        grpc.ready().await?;
        let (sender, messages) = tokio::sync::mpsc::channel(1);
        let messages = tokio_stream::wrappers::ReceiverStream::new(messages);
        // Its head may wait for the first message.
        sender.send(filled(0, 0)).await?;
        let mut got = grpc.streaming(Request::new(messages), path("Bidi"), Raw).await?.into_inner();
        for i in 0..100 {
            let message = got.message().await?;
            check(message == Some(filled(i, i * 10)), || format!("message {i} is another"))?;
            sender.send(filled(i + 1, (i + 1) * 10)).await?;
        }
        check(got.message().await? == Some(filled(100, 1000)), || "the last in turn is another".into())?;
        let writing = tokio::spawn(async move {
            for i in 0..2000 {
                if sender.send(filled(i, 1000)).await.is_err() {
                    return;
                }
            }
        });
        for i in 0..2000 {
            check(got.message().await? == Some(filled(i, 1000)), || format!("message {i} of many is another"))?;
        }
        writing.await?;
        check(got.message().await?.is_none(), || "there is more".into())
    }

    async fn metadata(&self) -> Done {
        let long = "long ".repeat(400) + "end";
        let bin: &[u8] = &[0, 1, 0xfe, 0xff, 0, b'\n', b','];
        let texts = [("text", "plain text, with = and ;"), ("many", "one"), ("many", "two"), ("long", &long)];
        let bytes = [("one-bin", bin), ("empty-bin", b"")];
        let mut request = Request::new(Vec::new());
        for (name, value) in texts {
            let name = tonic::metadata::AsciiMetadataKey::from_bytes(format!("x-{name}").as_bytes())?;
            request.metadata_mut().append(name, AsciiMetadataValue::try_from(value)?);
        }
        for (name, value) in bytes {
            let name = tonic::metadata::BinaryMetadataKey::from_bytes(format!("x-{name}").as_bytes())?;
            request.metadata_mut().append_bin(name, BinaryMetadataValue::from_bytes(value));
        }
        let mut grpc = self.grpc.clone();
        grpc.ready().await?;
        let response = grpc.server_streaming(request, path("Unary"), Raw).await?;
        let head = response.metadata().clone();
        let mut messages = response.into_inner();
        while messages.message().await?.is_some() {}
        let trailers = messages.trailers().await?.unwrap_or_default();
        for (prefix, got) in [("back-", &head), ("trail-", &trailers)] {
            for (name, _) in texts {
                let want: Vec<_> =
                    texts.iter().filter(|(n, _)| *n == name).map(|(_, value)| value.as_bytes()).collect();
                let have: Vec<_> =
                    got.get_all(format!("{prefix}{name}")).iter().map(|value| value.as_bytes()).collect();
                check(want == have, || format!("{prefix}{name}: {got:?}"))?;
            }
            for (name, value) in bytes {
                let have = binary(got, &format!("{prefix}{name}"));
                check(have.as_deref() == Some(value), || format!("{prefix}{name}: {got:?}"))?;
            }
        }
        Ok(())
    }

    /// Slow calls begun, those cancelled, and the time that the last one was given.
    async fn counts(&self) -> Done<[i64; 3]> {
        let text = String::from_utf8(self.unary("Count", "").await?)?;
        let mut numbers = text.split(' ').map(str::parse);
        let mut next = || numbers.next().ok_or("too few numbers");
        Ok([next()??, next()??, next()??])
    }

    async fn until_cancelled(&self, count: i64) -> Done<[i64; 3]> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let now = self.counts().await?;
            if now[1] == count {
                return Ok(now);
            }
            check(Instant::now() < end, || format!("the server saw {} cancelled, not {count}", now[1]))?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn deadline(&self) -> Done {
        let [_, before, _] = self.counts().await?;
        let began = Instant::now();
        let limit = Duration::from_millis(500);
        let mut request = Request::new(b"20000".to_vec());
        request.set_timeout(limit);
        // tonic's own clock stops at the head of the answer; a caller's does not.
        let code = match tokio::time::timeout(limit, self.call("Slow", request)).await {
            Ok(result) => result.err().map_or(Code::Ok, |status| status.code()),
            Err(_) => Code::DeadlineExceeded,
        };
        let took = began.elapsed();
        check(code == Code::DeadlineExceeded && took < Duration::from_secs(5), || format!("{code:?} after {took:?}"))?;
        let [_, _, left] = self.until_cancelled(before + 1).await?;
        check(left > 0 && left <= 500, || format!("the server was told of {left} ms"))
    }

    async fn error(&self) -> Done {
        let text = "Käse \"fällt\" 100 % aus: 日本 \u{1f9c0}\n\tend";
        for code in 1..=16 {
            let status = self.unary("Fail", format!("{code} {text}")).await.err().ok_or("it did not fail")?;
            check(status.code() == Code::from(code) && status.message() == text, || format!("{code}: {status:?}"))?;
        }
        let status = self.unary("Nothing", "").await.err().ok_or("it did not fail")?;
        check(status.code() == Code::Unimplemented, || format!("a method that is not there: {status:?}"))
    }

    /// Cancels so many calls, each once the server has begun it; the server must see it.
    async fn cancel(&self, count: usize) -> Done {
        let [begun, before, _] = self.counts().await?;
        let left = Arc::new(AtomicUsize::new(count));
        self.together(count.min(50), |cases| {
            let left = Arc::clone(&left);
            async move {
                while left.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok() {
                    let mut grpc = cases.grpc.clone();
                    grpc.ready().await?;
                    let answer = grpc.server_streaming(Request::new(b"60000".to_vec()), path("Slow"), Raw).await?;
                    check(answer.metadata().get("slow").is_some(), || "another head".into())?;
                    drop(answer);
                }
                Ok(())
            }
        })
        .await?;
        let [now, _, _] = self.until_cancelled(before + i64::try_from(count)?).await?;
        check(now == begun + i64::try_from(count)?, || format!("{} calls began", now - begun))
    }

    async fn concurrent(&self) -> Done<String> {
        let began = Instant::now();
        self.together(1000, |cases| async move {
            let answer = cases.unary("Slow", "500").await?;
            check(answer == b"slept", || "another answer".into())
        })
        .await?;
        Ok(format!("1000 calls of 0.5 s in {:.1} s", began.elapsed().as_secs_f64()))
    }

    async fn rapid_cancel(&self) -> Done<String> {
        self.echoed(Vec::new()).await?;
        let (before, began) = (self.connections.load(SeqCst), Instant::now());
        self.cancel(10_000).await?;
        self.echoed(b"still there".to_vec()).await?;
        self.same_connections(before)?;
        Ok(format!("10000 in {:.1} s", began.elapsed().as_secs_f64()))
    }

    async fn full_rate(&self) -> Done<String> {
        self.echoed(Vec::new()).await?;
        let (before, calls) = (self.connections.load(SeqCst), Arc::new(AtomicUsize::new(0)));
        let end = Instant::now() + Duration::from_millis(1500);
        self.together(50, |cases| {
            let calls = Arc::clone(&calls);
            async move {
                while Instant::now() < end {
                    cases.echoed(filled(7, 100)).await?;
                    calls.fetch_add(1, SeqCst);
                }
                Ok(())
            }
        })
        .await?;
        self.same_connections(before)?;
        Ok(format!("{} calls/s", calls.load(SeqCst) * 2 / 3))
    }

    fn same_connections(&self, before: usize) -> Done {
        let now = self.connections.load(SeqCst);
        check(now == before, || format!("{} more connections", now - before))
    }

    async fn go_away(&self) -> Done<String> {
        let (done, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let end = Instant::now() + Duration::from_secs(3);
        let drains = {
            let cases = self.clone();
            tokio::spawn(async move {
                for _ in 0..2 {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    cases.unary("Drain", "").await?;
                }
                Ok::<_, Status>(())
            })
        };
        self.together(50, |cases| {
            let (done, refused) = (Arc::clone(&done), Arc::clone(&refused));
            async move {
                while Instant::now() < end {
                    let call = cases.unary("Slow", "5");
                    match tokio::time::timeout(Duration::from_secs(10), call).await.map_err(|_| "a call hangs")? {
                        Ok(_) => done.fetch_add(1, SeqCst),
                        Err(status) if is_refused(&status) => {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                            refused.fetch_add(1, SeqCst)
                        }
                        Err(status) => return Err(status.into()),
                    };
                }
                Ok(())
            }
        })
        .await?;
        drains.await??;
        let (done, refused) = (done.load(SeqCst), refused.load(SeqCst));
        check(done >= 1000, || format!("only {done} calls were answered"))?;
        self.echoed(Vec::new()).await?;
        Ok(format!("{done} answered, {refused} refused"))
    }

    /// Runs so many at once; the first failure is that of all.
    async fn together<F>(&self, count: usize, run: impl Fn(Self) -> F) -> Done
    where
        F: Future<Output = Done> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            tasks.spawn(run(self.clone()));
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(())
    }
}

/// Refused by the other end, or, in hyper's words, not sent before the connection went.
fn is_refused(status: &Status) -> bool {
    status.code() == Code::Unavailable || status.message() == "operation was canceled"
}

fn path(method: &'static str) -> PathAndQuery {
    PathAndQuery::try_from(format!("/interop.Echo/{method}")).unwrap_or_else(|_| PathAndQuery::from_static("/"))
}

fn binary(fields: &MetadataMap, name: &str) -> Option<Vec<u8>> {
    Some(fields.get_bin(name)?.to_bytes().ok()?.to_vec())
}

fn check(holds: bool, what: impl FnOnce() -> String) -> Done {
    if holds { Ok(()) } else { Err(what().into()) }
}

/// The lines "1", "2", ... cut at `size`: no two places in it look the same.
fn numbered(size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 20);
    for i in 1.. {
        if bytes.len() >= size {
            break;
        }
        bytes.extend_from_slice(format!("{i}\n").as_bytes());
    }
    bytes.truncate(size);
    bytes
}

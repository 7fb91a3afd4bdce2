//! The service interop.Echo, which peers.toml describes.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::metadata::{KeyAndValueRef, MetadataMap};
use tonic::server::{Grpc, NamedService};
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, Streaming};
use tower_service::Service;

use crate::raw::{LARGEST, Raw, filled};

type Messages = Pin<Box<dyn tokio_stream::Stream<Item = Result<Vec<u8>, Status>> + Send>>;
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

#[derive(Default)]
struct Shared {
    begun: AtomicI64,
    cancelled: AtomicI64,
    deadline: AtomicI64,
    /// Ends the server that takes connections now.
    stop: Mutex<Option<oneshot::Sender<()>>>,
}

/// Returns once it listens.
pub async fn start(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let echo = Echo(Arc::default());
    tokio::spawn(async move {
        loop {
            let (stop, mut stopped) = oneshot::channel();
            *echo.0.stop.lock().unwrap() = Some(stop);
            let (connections, incoming) = mpsc::channel::<io::Result<TcpStream>>(16);
            let (end, ended) = oneshot::channel::<()>();
            let server = Server::builder().add_service(echo.clone());
            tokio::spawn(server.serve_with_incoming_shutdown(ReceiverStream::new(incoming), async {
                let _ = ended.await;
            }));
            // The listener outlives the servers: connections that come meanwhile are the next one's.
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    Ok((io, _)) = listener.accept() => {
                        let _ = io.set_nodelay(true);
                        let _ = connections.send(Ok(io)).await;
                    }
                }
            }
            let _ = end.send(());
        }
    });
    Ok(())
}

#[derive(Clone)]
struct Echo(Arc<Shared>);

impl NamedService for Echo {
    const NAME: &'static str = "interop.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Boxed<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        let mut grpc = Grpc::new(Raw).max_decoding_message_size(LARGEST).max_encoding_message_size(LARGEST);
        Box::pin(async move {
            let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            Ok(match method.as_str() {
                // Of one answer; only a stream has trailers of its own.
                "Unary" => grpc.server_streaming(Call(unary), request).await,
                "Fail" => grpc.unary(Call(fail), request).await,
                // The head of a unary one would wait for its message.
                "Slow" => grpc.server_streaming(Call(|call| slow(shared.clone(), call)), request).await,
                "Count" => grpc.unary(Call(|_| count(shared.clone())), request).await,
                "Drain" => grpc.unary(Call(|_| drain(shared.clone())), request).await,
                "ServerStream" => grpc.server_streaming(Call(server_stream), request).await,
                "ClientStream" => grpc.client_streaming(Call(client_stream), request).await,
                "Bidi" => grpc.streaming(Call(bidi), request).await,
                _ => Status::unimplemented(method).into_http(),
            })
        })
    }
}

/// A function as a service.
struct Call<F>(F);

impl<F, M, R, Fut> Service<Request<M>> for Call<F>
where
    F: FnMut(Request<M>) -> Fut,
    Fut: Future<Output = Result<Response<R>, Status>> + Send + 'static,
{
    type Response = Response<R>;
    type Error = Status;
    type Future = Fut;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<M>) -> Fut {
        (self.0)(request)
    }
}

async fn unary(request: Request<Vec<u8>>) -> Result<Response<Messages>, Status> {
    let back = renamed(request.metadata(), "back-");
    let trailers = Status::with_metadata(Code::Ok, "", renamed(request.metadata(), "trail-"));
    let answer: Messages = Box::pin(tokio_stream::iter([Ok(request.into_inner()), Err(trailers)]));
    let mut response = Response::new(answer);
    *response.metadata_mut() = back;
    Ok(response)
}

/// The fields x-NAME, under another name.
fn renamed(fields: &MetadataMap, prefix: &str) -> MetadataMap {
    let mut renamed = http::HeaderMap::new();
    for field in fields.iter() {
        let (name, value) = match field {
            KeyAndValueRef::Ascii(name, value) => (name.as_str(), value.as_encoded_bytes()),
            KeyAndValueRef::Binary(name, value) => (name.as_str(), value.as_encoded_bytes()),
        };
        let Some(rest) = name.strip_prefix("x-") else { continue };
        let name = http::HeaderName::try_from(format!("{prefix}{rest}"));
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(value)) {
            renamed.append(name, value);
        }
    }
    MetadataMap::from_headers(renamed)
}

async fn fail(request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Status> {
    let text = String::from_utf8_lossy(request.get_ref());
    let (code, text) = text.split_once(' ').unwrap_or_default();
    Err(Status::new(Code::from(code.parse::<i32>().unwrap_or_default()), text))
}

async fn slow(shared: Arc<Shared>, request: Request<Vec<u8>>) -> Result<Response<Messages>, Status> {
    let timeout = request.metadata().get("grpc-timeout").and_then(|value| value.to_str().ok());
    shared.deadline.store(timeout.map_or(-1, millis), SeqCst);
    shared.begun.fetch_add(1, SeqCst);
    let wait = numbers::<1>(request.get_ref())[0];
    let (answer, answers) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait as u64)) => {
                let _ = answer.send(Ok(b"slept".to_vec())).await;
            }
            () = answer.closed() => {
                shared.cancelled.fetch_add(1, SeqCst);
            }
        }
    });
    let answers: Messages = Box::pin(ReceiverStream::new(answers));
    let mut response = Response::new(answers);
    response.metadata_mut().insert("slow", "begun".parse().map_err(|_| Status::internal("a field"))?);
    Ok(response)
}

/// What `grpc-timeout` says.
fn millis(text: &str) -> i64 {
    let (digits, unit) = text.split_at(text.len().saturating_sub(1));
    let n: i64 = digits.parse().unwrap_or_default();
    match unit {
        "H" => n * 3_600_000,
        "M" => n * 60_000,
        "S" => n * 1000,
        "m" => n,
        "u" => n / 1000,
        _ => n / 1_000_000,
    }
}

async fn count(shared: Arc<Shared>) -> Result<Response<Vec<u8>>, Status> {
    let [begun, cancelled, deadline] = [&shared.begun, &shared.cancelled, &shared.deadline].map(|n| n.load(SeqCst));
    Ok(Response::new(format!("{begun} {cancelled} {deadline}").into_bytes()))
}

async fn drain(shared: Arc<Shared>) -> Result<Response<Vec<u8>>, Status> {
    if let Some(stop) = shared.stop.lock().unwrap().take() {
        let _ = stop.send(());
    }
    Ok(Response::new(Vec::new()))
}

async fn server_stream(request: Request<Vec<u8>>) -> Result<Response<Messages>, Status> {
    let [count, size] = numbers(request.get_ref());
    let messages: Messages = Box::pin(tokio_stream::iter(0..count).map(move |i| Ok(filled(i, size))));
    Ok(Response::new(messages))
}

async fn client_stream(request: Request<Streaming<Vec<u8>>>) -> Result<Response<Vec<u8>>, Status> {
    let (mut messages, mut count, mut size) = (request.into_inner(), 0, 0);
    while let Some(message) = messages.message().await? {
        count += 1;
        size += message.len();
    }
    Ok(Response::new(format!("{count} {size}").into_bytes()))
}

async fn bidi(request: Request<Streaming<Vec<u8>>>) -> Result<Response<Messages>, Status> {
    let messages: Messages = Box::pin(request.into_inner());
    Ok(Response::new(messages))
}

/// So many numbers with spaces between.
fn numbers<const N: usize>(text: &[u8]) -> [usize; N] {
    let text = String::from_utf8_lossy(text);
    let mut words = text.split(' ');
    std::array::from_fn(|_| words.next().and_then(|word| word.parse().ok()).unwrap_or_default())
}

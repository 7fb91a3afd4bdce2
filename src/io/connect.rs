//! How a proxy dials.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connected stream of bytes.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where a server listens: `127.0.0.1:20880`, `example.com:80`, `[::1]:80` or `unix:/run/app.sock`.
///
/// ```
/// use meshwire::io::Address;
///
/// let address: Address = "unix:/run/app.sock".parse().unwrap();
/// assert_eq!(address, Address::Unix("/run/app.sock".into()));
/// assert_eq!("localhost".parse::<Address>().unwrap_err().to_string(), "\"localhost\" has no port: write host:port or unix:/path");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// Host and port; the host is looked up at each dial.
    Tcp(String),
    /// A Unix socket.
    Unix(PathBuf),
}

/// Text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} has no port: write host:port or unix:/path")]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        match text.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(Self::Tcp(text.to_owned())),
            _ => Err(AddressError(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Opens connections: the seam where TLS, a mesh's own transport or a test's in-memory pipe comes in.
#[async_trait]
pub trait Connect: Send + Sync {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// What the transport says.
    async fn connect(&self, address: &Address) -> io::Result<Box<dyn Stream>>;
}

/// [`Connect`] by plain TCP and Unix sockets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dial {
    /// How long to wait. Default 5 s.
    pub timeout: Duration,
}

impl Default for Dial {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5) }
    }
}

#[async_trait]
impl Connect for Dial {
    async fn connect(&self, address: &Address) -> io::Result<Box<dyn Stream>> {
        let dial = async {
            match address {
                Address::Tcp(address) => {
                    let stream = tokio::net::TcpStream::connect(address).await?;
                    // Messages are written whole: waiting for more only adds latency.
                    stream.set_nodelay(true)?;
                    Ok(Box::new(stream) as Box<dyn Stream>)
                }
                #[cfg(unix)]
                Address::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?) as Box<dyn Stream>),
                #[cfg(not(unix))]
                Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
            }
        };
        match tokio::time::timeout(self.timeout, dial).await {
            Ok(result) => result,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no connection to {address} in time"))),
        }
    }
}

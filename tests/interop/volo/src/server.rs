//! The service, as its description has it.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use metainfo::{Backward, Forward, METAINFO};
use pilota::{Bytes, FastStr};
use tokio::net::TcpListener;
use volo::net::incoming::DefaultIncoming;
use volo_thrift::{MaybeException, ServerError};

use crate::MUX;
use crate::echo::{Echo, EchoRefuseException, EchoServer, Nested, Refused};

/// Returns once it listens. It finds out itself what a client speaks.
pub async fn start(flavour: &str, port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let server = EchoServer::new(Service::default()).multiplex(flavour == MUX);
    tokio::spawn(server.run(DefaultIncoming::from(listener)));
    Ok(())
}

#[derive(Default)]
struct Service {
    posts: Mutex<HashMap<FastStr, i32>>,
}

impl Echo for Service {
    async fn call(&self, text: FastStr) -> Result<FastStr, ServerError> {
        if let Some(names) = text.strip_prefix("fields ") {
            return Ok(fields(names).into());
        }
        if let Some(millis) = text.strip_prefix("wait ").and_then(|rest| rest.split(' ').next()?.parse().ok()) {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        Ok(text)
    }

    async fn post(&self, text: FastStr) -> Result<(), ServerError> {
        *self.posts.lock().unwrap().entry(text).or_default() += 1;
        Ok(())
    }

    async fn posted(&self, text: FastStr) -> Result<i32, ServerError> {
        Ok(self.posts.lock().unwrap().get(&text).copied().unwrap_or_default())
    }

    async fn refuse(&self, code: i32) -> Result<MaybeException<FastStr, EchoRefuseException>, ServerError> {
        let refused = Refused { code: Some(code), why: Some(format!("no {code}").into()) };
        Ok(MaybeException::Exception(EchoRefuseException::Refused(refused)))
    }

    async fn nested(&self, value: Nested) -> Result<Nested, ServerError> {
        Ok(value)
    }

    async fn bytes(&self, data: Bytes) -> Result<Bytes, ServerError> {
        Ok(data)
    }

    async fn ping(&self) -> Result<(), ServerError> {
        Ok(())
    }
}

/// What came with the call under these names; the answer brings it as BACK too.
fn fields(names: &str) -> String {
    METAINFO.with(|info| {
        let mut info = info.borrow_mut();
        let field = |name| {
            let value = info.get_persistent(name).or_else(|| info.get_upstream(name));
            format!("{name}={}", value.unwrap_or_default())
        };
        let text = names.split(' ').map(field).collect::<Vec<_>>().join(" ");
        info.set_backward_transient("BACK", text.clone());
        text
    })
}

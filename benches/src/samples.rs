//! What is sent, to the byte.

use meshwire::{Conn, Cx, Event, Output, Protocol};
use meshwire_dubbo::Call;
use meshwire_sofarpc::{Bolt, Version};
use meshwire_thrift::{Encoding, Transport};

use crate::{frames, structs};

/// A browser's request for a page, as one says it today.
pub const BROWSER: &[u8] = b"GET /catalog/garden/tools?sort=price&page=3&view=grid HTTP/1.1\r\n\
Host: shop.example.com\r\n\
Connection: keep-alive\r\n\
Cache-Control: max-age=0\r\n\
Upgrade-Insecure-Requests: 1\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
Sec-Fetch-Site: same-origin\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-User: ?1\r\n\
Sec-Fetch-Dest: document\r\n\
Referer: https://shop.example.com/catalog/garden\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
Cookie: session=5f1d8c0be4a94c7290d3b61e7a8f2c45; theme=dark; cart=9f2c61d04be84710aa7\r\n\
\r\n";

/// A call over HTTP between two services, its body included.
pub const RPC: &[u8] = b"POST /stock.v1.Stock/Reserve HTTP/1.1\r\n\
Host: stock.prod.svc.cluster.local:8080\r\n\
Content-Type: application/json\r\n\
Content-Length: 42\r\n\
Accept: application/json\r\n\
User-Agent: orders/4.2\r\n\
Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
X-Tenant: blue\r\n\
\r\n\
{\"sku\":\"GT-1187\",\"count\":2,\"order\":771042}";

const _: () = assert!(BROWSER.len() == 703 && RPC.len() == 312, "the samples have the sizes that their cases name");

/// A chunked POST with so many bytes of content, so many in a chunk.
pub fn chunked(content: usize, chunk: usize) -> Vec<u8> {
    let mut request =
        b"POST /upload HTTP/1.1\r\nHost: files.example.com\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let data = vec![b'x'; chunk];
    for _ in 0..content / chunk {
        request.extend_from_slice(format!("{chunk:x}\r\n").as_bytes());
        request.extend_from_slice(&data);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

/// An HTTP/1.1 request that is nothing but a head, with fields of about 1 KiB.
pub fn http1_head(size: usize) -> Vec<u8> {
    filled(size, |n| {
        let mut head = "GET / HTTP/1.1\r\nHost: a\r\n".to_owned();
        for left in (0..n).rev().step_by(1000) {
            head += &format!("X-Field: {}\r\n", "v".repeat(left.min(1000)));
        }
        (head + "\r\n").into_bytes()
    })
}

/// The same with one field.
pub fn http1_field(size: usize) -> Vec<u8> {
    filled(size, |n| format!("GET / HTTP/1.1\r\nHost: a\r\nX-Field: {}\r\n\r\n", "v".repeat(n)).into_bytes())
}

/// An HTTP/1.1 request with a body of known length.
pub fn http1_body(size: usize) -> Vec<u8> {
    filled(size, |n| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {n}\r\n\r\n{}", "x".repeat(n)).into_bytes())
}

/// An HTTP/1.1 request with small chunks.
pub fn http1_chunks(size: usize) -> Vec<u8> {
    let mut request = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    while request.len() < size {
        request.extend_from_slice(b"10\r\n0123456789abcdef\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

/// A Dubbo request of `size` bytes.
pub fn dubbo(size: usize) -> Vec<u8> {
    filled(size, |n| {
        let order = "x".repeat(n);
        let call = Call::new("com.example.inventory.api.StockService", "reserve").with_version("1.2.0");
        let call = call.with_arg("GT-1187").with_arg(&order);
        let call = call.with_attachment("path", "com.example.inventory.api.StockService");
        let call = call.with_attachment("interface", "com.example.inventory.api.StockService");
        let call = call.with_attachment("version", "1.2.0").with_attachment("group", "blue");
        let call = call.with_attachment("timeout", "3000").with_attachment("remote.application", "orders");
        call.head(1).bytes().to_vec()
    })
}

/// A Bolt request of `size` bytes in this version, with six entries in its header map, signed where the version says so.
pub fn bolt(size: usize, version: Version) -> Vec<u8> {
    bolt_call(size, version, "reserve")
}

/// The same call of another method.
pub fn bolt_call(size: usize, version: Version, method: &str) -> Vec<u8> {
    filled(size, |n| {
        let call = meshwire_sofarpc::Call::new("com.example.inventory.api.StockService:1.0", method);
        let call = call.with_field("sofa_head_target_app", "inventory");
        let call = call.with_field("rpc_trace_context.sofaTraceId", "0a0fe8ec1481528373101002011");
        let call = call.with_field("rpc_trace_context.sofaRpcId", "0.1.2");
        let call = call.with_timeout(3000).with_layout(version).with_content(1, "x".repeat(n));
        let mut output = Output::new();
        let mut codec = Bolt::new().codec(Conn::client());
        let sent = codec.encode(&mut Event::Head(call.head(1)), &mut Cx::new(&mut output, Default::default()));
        assert!(sent.is_ok(), "{sent:?}");
        output.take().to_vec()
    })
}

/// A Bolt request of `size` bytes, nearly all of them one entry of its header map.
pub fn bolt_field(size: usize) -> Vec<u8> {
    filled(size, |n| {
        let call = meshwire_sofarpc::Call::new("com.example.Stock:1.0", "reserve").with_content(1, "x");
        let (half, rest) = (n / 2, n - n / 2);
        call.with_field("a", &"y".repeat(half)).with_field("b", &"y".repeat(rest)).head(1).bytes().to_vec()
    })
}

/// A Thrift call of `size` bytes, named by `id`: a small order, with six fields around it in headers.
pub fn thrift(size: usize, transport: Transport, encoding: Encoding, id: u32) -> Vec<u8> {
    let call = meshwire_thrift::Call::new("Store:reserve").in_transport(transport).in_encoding(encoding);
    let call = match transport {
        Transport::TTHeader => call.with_field("log_id", "02171").with_field("to_method", "reserve"),
        _ => call.with_field("user", "771042").with_field("locale", "de"),
    };
    let call = call.with_field("from_service", "orders").with_field("to_service", "store");
    let call = call.with_field("rpc_timeout", "3000").with_field("tenant", "blue");
    filled(size, |n| call.clone().with_body(structs::order(encoding, n)).head(id.into()).bytes().to_vec())
}

/// A Thrift call of `size` bytes in a frame, nearly all of them one string.
pub fn thrift_framed(size: usize) -> Vec<u8> {
    thrift(size, Transport::Framed, Encoding::Binary, 1)
}

/// A Thrift call of about `size` bytes without a frame, nearly all of them a list of structs.
pub fn thrift_unframed(size: usize) -> Vec<u8> {
    let line = structs::lines(Encoding::Binary, 2).len() - structs::lines(Encoding::Binary, 1).len();
    filled(size, |n| thrift_one_way(structs::lines(Encoding::Binary, n / line)))
}

/// A one-way call in Thrift's binary encoding without a frame, with these arguments.
pub fn thrift_one_way(arguments: Vec<u8>) -> Vec<u8> {
    let call = meshwire_thrift::Call::new("Store:note").in_transport(Transport::Unframed).one_way();
    call.with_body(arguments).head(1).bytes().to_vec()
}

/// A Dubbo request of `size` bytes, nearly all of them the name of its service, none of which is ASCII.
pub fn dubbo_name(size: usize) -> Vec<u8> {
    let service = "\u{e9}".repeat(size / 2 - 64);
    filled(size, |n| Call::new(&service, "call").with_arg(&"x".repeat(n)).head(1).bytes().to_vec())
}

/// An HTTP/2 connection with one request that is nothing but a head, in frames of 8 KiB, with fields of about 1 KiB.
pub fn http2_head(size: usize) -> Vec<u8> {
    filled(size, |n| {
        let mut block = vec![0x82, 0x86, 0x84];
        for left in (0..n).rev().step_by(1000) {
            let value = "v".repeat(left.min(1000));
            block.extend(frames::literals(&vec![("x-field", value)], false, frames::Strings::Plain));
        }
        let mut pieces: Vec<_> = block.chunks(8 * 1024).collect();
        let last = pieces.pop().unwrap_or_default();
        let mut connection = http2_hello();
        for (i, piece) in pieces.iter().enumerate() {
            let (kind, flags) = if i == 0 { (frames::HEADERS, frames::END_STREAM) } else { (frames::CONTINUATION, 0) };
            connection.extend(frames::frame(kind, flags, 1, piece));
        }
        let (kind, end) =
            if pieces.is_empty() { (frames::HEADERS, frames::END_STREAM) } else { (frames::CONTINUATION, 0) };
        connection.extend(frames::frame(kind, end | frames::END_HEADERS, 1, last));
        connection
    })
}

/// An HTTP/2 connection with one request whose body comes in frames of 16 KiB.
pub fn http2_body(size: usize) -> Vec<u8> {
    http2_data(size, 16 * 1024)
}

/// The same in frames of 16 bytes.
pub fn http2_small(size: usize) -> Vec<u8> {
    http2_data(size, 16)
}

fn http2_data(size: usize, most: usize) -> Vec<u8> {
    let mut connection = http2_hello();
    connection.extend(frames::frame(frames::HEADERS, frames::END_HEADERS, 1, &[0x83, 0x86, 0x84]));
    while size.saturating_sub(connection.len()) > 2 * frames::HEADER {
        let n = most.min(size - connection.len() - 2 * frames::HEADER);
        connection.extend(frames::frame(frames::DATA, 0, 1, &vec![b'x'; n]));
    }
    connection.extend(frames::frame(frames::DATA, frames::END_STREAM, 1, b""));
    connection
}

fn http2_hello() -> Vec<u8> {
    [&frames::PREFACE[..], &frames::frame(frames::SETTINGS, 0, 0, b"")].concat()
}

/// What `make` makes of the one number that gives `size` bytes, or as near as it comes.
fn filled(size: usize, make: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let mut n = size.saturating_sub(make(0).len());
    loop {
        let made = make(n);
        if made.len() <= size {
            return made;
        }
        n = n.saturating_sub(made.len() - size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_their_sizes() {
        assert_eq!(dubbo(450).len(), 450);
        for version in [Version::V1, Version::V2, Version::V2Unchecked, Version::V2Checked] {
            assert_eq!(bolt(450, version).len(), 450);
        }
        for transport in [Transport::Framed, Transport::Unframed, Transport::THeader, Transport::TTHeader] {
            assert_eq!(thrift(450, transport, Encoding::Binary, 1).len(), 450, "{transport}");
        }
        assert_eq!(thrift(450, Transport::Framed, Encoding::Compact, 20_000).len(), 450);
        for size in [32 * 1024, 64 * 1024] {
            for (name, make) in [
                ("http1_head", http1_head as fn(usize) -> Vec<u8>),
                ("http1_field", http1_field),
                ("http1_body", http1_body),
                ("http1_chunks", http1_chunks),
                ("http2_head", http2_head),
                ("http2_body", http2_body),
                ("http2_small", http2_small),
                ("dubbo", dubbo),
                ("dubbo_name", dubbo_name),
                ("bolt_field", bolt_field),
                ("thrift_framed", thrift_framed),
                ("thrift_unframed", thrift_unframed),
            ] {
                let made = make(size).len();
                assert!(made.abs_diff(size) < 64, "{name}: {made} of {size}");
            }
        }
    }
}

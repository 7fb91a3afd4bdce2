//! HTTP/1.1 (RFC 9112).

use meshwire::testkit::Sample;

/// What says where a body ends, and what two hops settle between them.
pub(crate) const OWN_FIELDS: &[&str] = &["content-length", "transfer-encoding", "connection", "upgrade"];

pub(crate) fn samples() -> Vec<Sample> {
    vec![pipelined(), framings(), interim(), upgraded(), until_eof()]
}

fn pipelined() -> Sample {
    let requests = b"GET /cart?item=7 HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\n\r\n\
        POST /cart HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 8\r\nX-Mixed-CASE:  spaced \r\n\r\none book\
        HEAD / HTTP/1.1\r\nhost: other.example:8080\r\n\r\n";
    let responses = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: s\r\n\r\nempty\
        HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n\
        HTTP/1.1 204 No Content\r\nETag: \"a\"\r\n\r\n";
    let large = b"PUT /import HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 2097152\r\n\r\n";
    Sample::new("pipelined", &requests[..], &responses[..]).with_large_request(&large[..], Some(2 * 1024 * 1024))
}

fn framings() -> Sample {
    let requests = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nhello\r\n1;ext=\"v\"\r\n \r\n00a\r\nfrom chunk\r\n0\r\nX-Sum: 9\r\nX-Two: 2\r\n\r\n\
        POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let responses = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nTook: 3ms\r\n\r\n\
        HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nerr";
    let large = b"PUT /import HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n";
    Sample::new("framings", &requests[..], &responses[..]).with_large_request(&large[..], None)
}

fn interim() -> Sample {
    let requests = b"POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\ndata";
    let responses = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
        HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
    Sample::new("interim", &requests[..], &responses[..])
}

fn upgraded() -> Sample {
    let requests =
        b"GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes of the client";
    let responses =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nand of the server";
    Sample::new("upgraded", &requests[..], &responses[..])
}

fn until_eof() -> Sample {
    let requests = b"GET /old HTTP/1.0\r\nHost: h\r\n\r\n";
    let responses = b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nall that comes";
    Sample::new("until_eof", &requests[..], &responses[..]).ends_at_eof().not_verbatim()
}

//! What the conformance kit asks of every codec.

use meshwire::testkit::{Kit, Sample, assert_conforms};
use meshwire_http1::Http1;

const GET: &str = "GET /users?id=1 HTTP/1.1\r\nHost: example.com\r\nX-Tenant: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn samples() -> Vec<Sample> {
    vec![
        Sample::new("get", GET, OK),
        Sample::new("pipelined", [GET, GET].concat(), [OK, OK].concat()),
        Sample::new(
            "post",
            "POST /users HTTP/1.1\r\nHost: example.com\r\nContent-Length: 4\r\n\r\nbody",
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        ),
        Sample::new(
            "chunked",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
        ),
        Sample::new("head", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        Sample::new(
            "interim",
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
            ["HTTP/1.1 100 Continue\r\n\r\n", OK].concat(),
        ),
        Sample::new("large", GET, OK)
            .with_large_request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8388608\r\n\r\n", Some(8_388_608)),
    ]
}

#[test]
fn the_kit_has_nothing_to_say() {
    assert_conforms(&Kit::new(&Http1::default().pipeline(64)).with_samples(samples()).with_mutations(100));
}

#[test]
fn nor_one_exchange_at_a_time() {
    assert_conforms(&Kit::new(&Http1::default()).with_samples(samples()).with_mutations(100));
}

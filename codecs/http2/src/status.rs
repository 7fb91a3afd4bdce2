//! What status codes mean, and which one says what.

use meshwire::Outcome;

/// What became of a request that was answered with `status`: the same as in every version of HTTP.
///
/// gRPC says it with a status of its own: see [`grpc`](crate::grpc).
///
/// | status | outcome |
/// | --- | --- |
/// | 101, 2xx, 3xx | `Success` |
/// | 400 | `BadRequest` |
/// | 401, 403, 407 | `Denied` |
/// | 404, 421 | `NoRoute` |
/// | 405, 501, 505 | `Unimplemented` |
/// | 408, 504 | `Timeout` |
/// | 413, 414, 431 | `TooLarge` |
/// | 429 | `Overloaded` |
/// | 499 | `Cancelled` |
/// | other 4xx | `Exception` |
/// | 500, 506 to 508, 510, 511 | `ServerError` |
/// | 502 | `BadResponse` |
/// | 503 | `Unavailable` |
/// | all others, interim ones included | `Unknown` |
pub const fn outcome(status: u16) -> Outcome {
    match status {
        101 | 200..=399 => Outcome::Success,
        400 => Outcome::BadRequest,
        401 | 403 | 407 => Outcome::Denied,
        404 | 421 => Outcome::NoRoute,
        405 | 501 | 505 => Outcome::Unimplemented,
        408 | 504 => Outcome::Timeout,
        413 | 414 | 431 => Outcome::TooLarge,
        429 => Outcome::Overloaded,
        499 => Outcome::Cancelled,
        402..=498 => Outcome::Exception,
        500 | 506..=508 | 510 | 511 => Outcome::ServerError,
        502 => Outcome::BadResponse,
        503 => Outcome::Unavailable,
        _ => Outcome::Unknown,
    }
}

/// The status of a local reply. [`outcome`] of it is the outcome asked for, whichever it is.
pub const fn status(outcome: Outcome) -> u16 {
    match outcome {
        Outcome::Success => 200,
        Outcome::Exception => 422,
        Outcome::BadRequest => 400,
        Outcome::NoRoute => 404,
        Outcome::Unavailable => 503,
        Outcome::Timeout => 504,
        Outcome::Overloaded => 429,
        Outcome::BadResponse => 502,
        Outcome::TooLarge => 413,
        Outcome::Denied => 403,
        Outcome::Unimplemented => 501,
        Outcome::ServerError => 500,
        // 499 and 520 are not registered; both are in wide use, and who knows neither takes them for 400 and 500.
        Outcome::Cancelled => 499,
        _ => 520,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_local_reply_reads_as_the_outcome_it_was_given() {
        for asked in Outcome::ALL {
            assert_eq!(outcome(status(asked)), asked);
        }
    }
}

//! Status codes of answers, and what they mean in every protocol.

use meshwire::Outcome;

/// Answered; an exception of the service's own is told by the header map (`sofa_head_response_error`) or stands in the content.
pub const SUCCESS: u16 = 0x00;
/// An error.
pub const ERROR: u16 = 0x01;
/// The server threw: its own machinery, or a processor of raw Bolt. The content is an `RpcServerException`.
pub const SERVER_EXCEPTION: u16 = 0x02;
/// Unknown.
pub const UNKNOWN: u16 = 0x03;
/// The server's thread pool is full.
pub const SERVER_THREADPOOL_BUSY: u16 = 0x04;
/// The communication failed.
pub const ERROR_COMM: u16 = 0x05;
/// Nothing takes such requests.
pub const NO_PROCESSOR: u16 = 0x06;
/// No answer in time.
pub const TIMEOUT: u16 = 0x07;
/// The asking side did not get the request out.
pub const CLIENT_SEND_ERROR: u16 = 0x08;
/// A message could not be encoded or decoded.
pub const CODEC_EXCEPTION: u16 = 0x09;
/// The connection went away under the request.
pub const CONNECTION_CLOSED: u16 = 0x10;
/// The answer could not be serialized.
pub const SERVER_SERIAL_EXCEPTION: u16 = 0x11;
/// The request could not be deserialized.
pub const SERVER_DESERIAL_EXCEPTION: u16 = 0x12;

/// What `status` means; [`Outcome::Unknown`] for one that Bolt does not define, which is data and no error.
///
/// ```
/// use meshwire::Outcome;
/// use meshwire_sofarpc::status;
///
/// assert_eq!(status::outcome_of(status::TIMEOUT), Outcome::Timeout);
/// assert_eq!(status::outcome_of(0x99), Outcome::Unknown);
/// ```
#[inline]
pub const fn outcome_of(status: u16) -> Outcome {
    match status {
        SUCCESS => Outcome::Success,
        SERVER_THREADPOOL_BUSY => Outcome::Overloaded,
        ERROR_COMM | CONNECTION_CLOSED => Outcome::Unavailable,
        NO_PROCESSOR => Outcome::NoRoute,
        TIMEOUT => Outcome::Timeout,
        // Java keeps it to itself: on the wire it says that the asking side gave up.
        CLIENT_SEND_ERROR => Outcome::Cancelled,
        CODEC_EXCEPTION | SERVER_SERIAL_EXCEPTION => Outcome::BadResponse,
        SERVER_DESERIAL_EXCEPTION => Outcome::BadRequest,
        // Java says so of whatever its server threw: with no processor found nothing was executed, else something was.
        SERVER_EXCEPTION | ERROR => Outcome::ServerError,
        _ => Outcome::Unknown,
    }
}

/// The status that says `outcome`. Where Bolt has one of its own, the client reads the same outcome again:
///
/// | outcome | status | read as |
/// | --- | --- | --- |
/// | success | 0x00 | the same |
/// | exception | 0x00 to a SOFARPC call in Hessian or protobuf, 0x02 to any other | the same, by the header map; server error |
/// | bad request | 0x12 | the same |
/// | too large | 0x12 | bad request |
/// | no route | 0x06 | the same |
/// | unimplemented | 0x06 | no route |
/// | unavailable | 0x10 | the same |
/// | timeout | 0x07 | the same |
/// | overloaded | 0x04 | the same |
/// | bad response | 0x09 | the same |
/// | cancelled | 0x08 | the same |
/// | denied | 0x02 | server error |
/// | server error | 0x02 | the same |
/// | unknown | 0x03 | the same |
///
/// No outcome after which a request may be sent again ([`Outcome::executed`]) stands for one after which it may not.
///
/// ```
/// use meshwire::Outcome;
/// use meshwire_sofarpc::status;
///
/// assert_eq!(status::status_of(Outcome::Overloaded), status::SERVER_THREADPOOL_BUSY);
/// ```
pub const fn status_of(outcome: Outcome) -> u16 {
    match outcome {
        Outcome::Success => SUCCESS,
        Outcome::BadRequest | Outcome::TooLarge => SERVER_DESERIAL_EXCEPTION,
        Outcome::NoRoute | Outcome::Unimplemented => NO_PROCESSOR,
        Outcome::Unavailable => CONNECTION_CLOSED,
        Outcome::Timeout => TIMEOUT,
        Outcome::Overloaded => SERVER_THREADPOOL_BUSY,
        Outcome::BadResponse => CODEC_EXCEPTION,
        Outcome::Cancelled => CLIENT_SEND_ERROR,
        Outcome::Unknown => UNKNOWN,
        // Whoever is turned away by Java's own filters gets this. An outcome added later is an error of which nothing
        // better is known.
        _ => SERVER_EXCEPTION,
    }
}

#[cfg(test)]
mod tests {
    use meshwire::Executed;

    use super::*;

    #[test]
    fn an_outcome_comes_back_wherever_bolt_has_a_status_for_it() {
        let shared = [
            (Outcome::Exception, Outcome::ServerError),
            (Outcome::TooLarge, Outcome::BadRequest),
            (Outcome::Unimplemented, Outcome::NoRoute),
            (Outcome::Denied, Outcome::ServerError),
        ];
        for outcome in Outcome::ALL {
            let read = outcome_of(status_of(outcome));
            let wanted = shared.iter().find(|(from, _)| *from == outcome).map_or(outcome, |(_, to)| *to);
            assert_eq!(read, wanted, "{outcome}");
            assert!(read.executed() != Executed::No || outcome.executed() == Executed::No, "{outcome}");
        }
    }

    #[test]
    fn an_undefined_status_is_data() {
        let known = [0, 1, 2, 4, 5, 6, 7, 8, 9, 0x10, 0x11, 0x12];
        for status in 0..=u16::MAX {
            assert_eq!(outcome_of(status) != Outcome::Unknown, known.contains(&status), "{status}");
        }
    }
}

//! Status codes of answers, and what they mean in every protocol.

use meshwire::Outcome;

/// Answered; whether with a value or an exception stands in the body ([`result`](crate::result)).
pub const OK: u8 = 20;
/// A value could not be serialized.
pub const SERIALIZATION_ERROR: u8 = 25;
/// No answer in time: the request did not leave the client.
pub const CLIENT_TIMEOUT: u8 = 30;
/// No answer in time: the request was sent.
pub const SERVER_TIMEOUT: u8 = 31;
/// The connection went away under the request.
pub const CHANNEL_INACTIVE: u8 = 35;
/// The request could not be read.
pub const BAD_REQUEST: u8 = 40;
/// The answer could not be written or read.
pub const BAD_RESPONSE: u8 = 50;
/// There is no such service.
pub const SERVICE_NOT_FOUND: u8 = 60;
/// The invocation failed outside of the service's own code.
pub const SERVICE_ERROR: u8 = 70;
/// The server failed inside.
pub const SERVER_ERROR: u8 = 80;
/// The client failed inside.
pub const CLIENT_ERROR: u8 = 90;
/// The server's thread pool is full.
pub const THREADPOOL_EXHAUSTED: u8 = 100;

/// What `status` means; [`Outcome::Unknown`] for one that Dubbo does not define, which is data and no error.
///
/// [`OK`] is a success here: an exception is told from a value by the body.
///
/// ```
/// use meshwire::Outcome;
/// use meshwire_dubbo::status;
///
/// assert_eq!(status::outcome_of(status::SERVICE_NOT_FOUND), Outcome::NoRoute);
/// assert_eq!(status::outcome_of(99), Outcome::Unknown);
/// ```
#[inline]
pub const fn outcome_of(status: u8) -> Outcome {
    match status {
        OK => Outcome::Success,
        CLIENT_TIMEOUT | SERVER_TIMEOUT => Outcome::Timeout,
        CHANNEL_INACTIVE => Outcome::Unavailable,
        BAD_REQUEST => Outcome::BadRequest,
        BAD_RESPONSE => Outcome::BadResponse,
        SERVICE_NOT_FOUND => Outcome::NoRoute,
        // Java answers 70 when its own machinery fails around the call; what the service throws comes with status 20.
        SERVICE_ERROR | SERVER_ERROR | SERIALIZATION_ERROR => Outcome::ServerError,
        // Java keeps 90 to itself (an answer it could not read): on the wire it says that the asking side gave up.
        CLIENT_ERROR => Outcome::Cancelled,
        THREADPOOL_EXHAUSTED => Outcome::Overloaded,
        _ => Outcome::Unknown,
    }
}

/// The status that says `outcome`. Where Dubbo has one of its own, the client reads the same outcome again:
///
/// | outcome | status | read as |
/// | --- | --- | --- |
/// | success, exception | 20 | the same, by the body |
/// | bad request | 40 | the same |
/// | too large, denied | 40 | bad request |
/// | no route | 60 | the same |
/// | unimplemented | 60 | no route |
/// | unavailable | 35 | the same |
/// | timeout | 31 | the same |
/// | overloaded | 100 | the same |
/// | bad response | 50 | the same |
/// | cancelled | 90 | the same |
/// | server error | 80 | the same |
/// | unknown | 80 | server error |
///
/// Two outcomes share a status only where both or neither can have been executed ([`Outcome::executed`]), so that a
/// retry decides alike.
///
/// ```
/// use meshwire::Outcome;
/// use meshwire_dubbo::status;
///
/// assert_eq!(status::status_of(Outcome::Timeout), 31);
/// ```
pub const fn status_of(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Success | Outcome::Exception => OK,
        Outcome::BadRequest | Outcome::TooLarge | Outcome::Denied => BAD_REQUEST,
        Outcome::NoRoute | Outcome::Unimplemented => SERVICE_NOT_FOUND,
        Outcome::Unavailable => CHANNEL_INACTIVE,
        Outcome::Timeout => SERVER_TIMEOUT,
        Outcome::Overloaded => THREADPOOL_EXHAUSTED,
        Outcome::BadResponse => BAD_RESPONSE,
        Outcome::Cancelled => CLIENT_ERROR,
        // An outcome added later is an error of which nothing better is known.
        _ => SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_comes_back_wherever_dubbo_has_a_status_for_it() {
        let shared = [
            (Outcome::Exception, Outcome::Success),
            (Outcome::TooLarge, Outcome::BadRequest),
            (Outcome::Denied, Outcome::BadRequest),
            (Outcome::Unimplemented, Outcome::NoRoute),
            (Outcome::Unknown, Outcome::ServerError),
        ];
        for outcome in Outcome::ALL {
            let read = outcome_of(status_of(outcome));
            let wanted = shared.iter().find(|(from, _)| *from == outcome).map_or(outcome, |(_, to)| *to);
            assert_eq!(read, wanted, "{outcome}");
            assert_eq!(read.executed(), outcome.executed(), "{outcome}");
        }
    }

    #[test]
    fn an_undefined_status_is_data() {
        let known = [20, 25, 30, 31, 35, 40, 50, 60, 70, 80, 90, 100];
        for status in 0..=u8::MAX {
            assert_eq!(outcome_of(status) != Outcome::Unknown, known.contains(&status), "{status}");
        }
    }
}

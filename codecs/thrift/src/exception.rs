//! Types of `TApplicationException`, and what they mean in every protocol.

use meshwire::Outcome;

/// Whatever a processor threw that nobody expected; C++'s servers say so.
pub const UNKNOWN: i32 = 0;
/// The service has no such method.
pub const UNKNOWN_METHOD: i32 = 1;
/// The message is neither a call nor one-way.
pub const INVALID_MESSAGE_TYPE: i32 = 2;
/// The answer is to another method.
pub const WRONG_METHOD_NAME: i32 = 3;
/// The answer is to another request.
pub const BAD_SEQUENCE_ID: i32 = 4;
/// The answer holds neither a result nor a declared exception.
pub const MISSING_RESULT: i32 = 5;
/// The server failed inside.
pub const INTERNAL_ERROR: i32 = 6;
/// The message cannot be read.
pub const PROTOCOL_ERROR: i32 = 7;
/// Its transform is not known.
pub const INVALID_TRANSFORM: i32 = 8;
/// Its encoding is not known.
pub const INVALID_PROTOCOL: i32 = 9;
/// The server does not serve this kind of client.
pub const UNSUPPORTED_CLIENT_TYPE: i32 = 10;
/// fbthrift: refused for load.
pub const LOAD_SHEDDING: i32 = 11;
/// fbthrift: no answer in time.
pub const TIMEOUT: i32 = 12;
/// fbthrift: failed on purpose.
pub const INJECTED_FAILURE: i32 = 13;
/// fbthrift: the message was damaged on its way.
pub const CHECKSUM_MISMATCH: i32 = 14;
/// fbthrift: the server was interrupted.
pub const INTERRUPTION: i32 = 15;

/// What an exception of this type means; [`Outcome::Unknown`] for one that nobody defines, which is data and no error.
///
/// ```
/// use meshwire::Outcome;
/// use meshwire_thrift::exception;
///
/// assert_eq!(exception::outcome_of(exception::UNKNOWN_METHOD), Outcome::NoRoute);
/// assert_eq!(exception::outcome_of(1000), Outcome::Unknown);
/// ```
pub const fn outcome_of(kind: i32) -> Outcome {
    match kind {
        UNKNOWN_METHOD => Outcome::NoRoute,
        // The server read the request as far as that, and called nothing.
        INVALID_MESSAGE_TYPE | PROTOCOL_ERROR | INVALID_TRANSFORM | INVALID_PROTOCOL | CHECKSUM_MISMATCH => {
            Outcome::BadRequest
        }
        WRONG_METHOD_NAME | BAD_SEQUENCE_ID | MISSING_RESULT => Outcome::BadResponse,
        UNSUPPORTED_CLIENT_TYPE => Outcome::Unimplemented,
        LOAD_SHEDDING => Outcome::Overloaded,
        TIMEOUT => Outcome::Timeout,
        INTERRUPTION => Outcome::Unavailable,
        UNKNOWN | INTERNAL_ERROR | INJECTED_FAILURE => Outcome::ServerError,
        _ => Outcome::Unknown,
    }
}

/// The type that says `outcome`. Types above 10 are fbthrift's; other clients show them as a number. Where there is a type
/// of its own, the client reads the same outcome again:
///
/// | outcome | type | read as |
/// | --- | --- | --- |
/// | exception | 6 | server error: an exception of the service's own is declared in its interface |
/// | bad request | 7 | the same |
/// | too large | 7 | bad request |
/// | no route | 1 | the same |
/// | unimplemented | 10 | the same |
/// | unavailable | 15 | the same |
/// | timeout | 12 | the same |
/// | overloaded | 11 | the same |
/// | bad response | 5 | the same |
/// | denied, cancelled, server error | 6 | server error |
/// | unknown | 0 | server error |
///
/// No outcome after which a request may be sent again ([`Outcome::executed`]) stands for one after which it may not.
///
/// ```
/// use meshwire::Outcome;
/// use meshwire_thrift::exception;
///
/// assert_eq!(exception::kind_of(Outcome::Overloaded), exception::LOAD_SHEDDING);
/// ```
pub const fn kind_of(outcome: Outcome) -> i32 {
    match outcome {
        Outcome::BadRequest | Outcome::TooLarge => PROTOCOL_ERROR,
        Outcome::NoRoute => UNKNOWN_METHOD,
        Outcome::Unimplemented => UNSUPPORTED_CLIENT_TYPE,
        Outcome::Unavailable => INTERRUPTION,
        Outcome::Timeout => TIMEOUT,
        Outcome::Overloaded => LOAD_SHEDDING,
        Outcome::BadResponse => MISSING_RESULT,
        Outcome::Unknown => UNKNOWN,
        // An outcome added later is an error of which nothing better is known.
        _ => INTERNAL_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use meshwire::Executed;

    use super::*;

    #[test]
    fn an_outcome_comes_back_wherever_there_is_a_type_for_it() {
        let shared = [
            (Outcome::Success, Outcome::ServerError),
            (Outcome::Exception, Outcome::ServerError),
            (Outcome::TooLarge, Outcome::BadRequest),
            (Outcome::Denied, Outcome::ServerError),
            (Outcome::Cancelled, Outcome::ServerError),
            (Outcome::Unknown, Outcome::ServerError),
        ];
        for outcome in Outcome::ALL {
            let read = outcome_of(kind_of(outcome));
            let wanted = shared.iter().find(|(from, _)| *from == outcome).map_or(outcome, |(_, to)| *to);
            assert_eq!(read, wanted, "{outcome}");
            assert!(read.executed() != Executed::No || outcome.executed() == Executed::No, "{outcome}");
        }
    }

    #[test]
    fn an_undefined_type_is_data() {
        for kind in -20..40 {
            assert_eq!(outcome_of(kind) == Outcome::Unknown, !(0..=15).contains(&kind), "{kind}");
        }
    }
}

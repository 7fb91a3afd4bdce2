//! Names that everyone knows, as one byte: what a reader compares instead of strings.

/// A field name by number: the index of its first entry in the static table (RFC 7541, appendix A), or one of the
/// numbers behind the table for names that matter and have no place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Known(u8);

macro_rules! known {
    ($($(#[$doc:meta])* $konst:ident = $n:literal, $name:literal;)*) => {
        impl Known {
            $(#[doc = concat!("`", $name, "`.")] pub const $konst: Self = Self($n);)*

            /// The number of `name`, in lower case; [`Known::OTHER`] where it has none.
            pub fn of(name: &[u8]) -> Self {
                $(const $konst: &[u8] = $name.as_bytes();)*
                match name {
                    $($konst => Self::$konst,)*
                    _ => Self::OTHER,
                }
            }

            /// The name; empty for [`Known::OTHER`].
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($n => $name,)*
                    _ => "",
                }
            }
        }
    };
}

known! {
    AUTHORITY = 1, ":authority";
    METHOD = 2, ":method";
    PATH = 4, ":path";
    SCHEME = 6, ":scheme";
    STATUS = 8, ":status";
    ACCEPT_CHARSET = 15, "accept-charset";
    ACCEPT_ENCODING = 16, "accept-encoding";
    ACCEPT_LANGUAGE = 17, "accept-language";
    ACCEPT_RANGES = 18, "accept-ranges";
    ACCEPT = 19, "accept";
    ACCESS_CONTROL_ALLOW_ORIGIN = 20, "access-control-allow-origin";
    AGE = 21, "age";
    ALLOW = 22, "allow";
    AUTHORIZATION = 23, "authorization";
    CACHE_CONTROL = 24, "cache-control";
    CONTENT_DISPOSITION = 25, "content-disposition";
    CONTENT_ENCODING = 26, "content-encoding";
    CONTENT_LANGUAGE = 27, "content-language";
    CONTENT_LENGTH = 28, "content-length";
    CONTENT_LOCATION = 29, "content-location";
    CONTENT_RANGE = 30, "content-range";
    CONTENT_TYPE = 31, "content-type";
    COOKIE = 32, "cookie";
    DATE = 33, "date";
    ETAG = 34, "etag";
    EXPECT = 35, "expect";
    EXPIRES = 36, "expires";
    FROM = 37, "from";
    HOST = 38, "host";
    IF_MATCH = 39, "if-match";
    IF_MODIFIED_SINCE = 40, "if-modified-since";
    IF_NONE_MATCH = 41, "if-none-match";
    IF_RANGE = 42, "if-range";
    IF_UNMODIFIED_SINCE = 43, "if-unmodified-since";
    LAST_MODIFIED = 44, "last-modified";
    LINK = 45, "link";
    LOCATION = 46, "location";
    MAX_FORWARDS = 47, "max-forwards";
    PROXY_AUTHENTICATE = 48, "proxy-authenticate";
    PROXY_AUTHORIZATION = 49, "proxy-authorization";
    RANGE = 50, "range";
    REFERER = 51, "referer";
    REFRESH = 52, "refresh";
    RETRY_AFTER = 53, "retry-after";
    SERVER = 54, "server";
    SET_COOKIE = 55, "set-cookie";
    STRICT_TRANSPORT_SECURITY = 56, "strict-transport-security";
    TRANSFER_ENCODING = 57, "transfer-encoding";
    USER_AGENT = 58, "user-agent";
    VARY = 59, "vary";
    VIA = 60, "via";
    WWW_AUTHENTICATE = 61, "www-authenticate";
    PROTOCOL = 62, ":protocol";
    CONNECTION = 63, "connection";
    KEEP_ALIVE = 64, "keep-alive";
    PROXY_CONNECTION = 65, "proxy-connection";
    UPGRADE = 66, "upgrade";
    TE = 67, "te";
    TRAILER = 68, "trailer";
    GRPC_STATUS = 69, "grpc-status";
    GRPC_MESSAGE = 70, "grpc-message";
    GRPC_TIMEOUT = 71, "grpc-timeout";
    GRPC_ENCODING = 72, "grpc-encoding";
    GRPC_ACCEPT_ENCODING = 73, "grpc-accept-encoding";
    TRI_SERVICE_VERSION = 74, "tri-service-version";
    TRI_SERVICE_GROUP = 75, "tri-service-group";
}

impl Known {
    /// A name that has no number.
    pub const OTHER: Self = Self(0);

    /// The number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The name with this number, as an earlier [`number`](Self::number) gave it.
    pub const fn from_number(n: u8) -> Self {
        Self(n)
    }

    /// The first entry of the static table with this name.
    pub const fn static_index(self) -> Option<u8> {
        match self.0 {
            n @ 1..=61 => Some(n),
            _ => None,
        }
    }

    /// Whether it is one of the pseudo-fields that HTTP/2 knows.
    pub const fn is_pseudo(self) -> bool {
        matches!(self, Self::AUTHORITY | Self::METHOD | Self::PATH | Self::SCHEME | Self::STATUS | Self::PROTOCOL)
    }

    /// Whether it is a field of the connection, which HTTP/2 does not have (RFC 9113, section 8.2.2); `te` apart.
    pub const fn is_connection_specific(self) -> bool {
        matches!(
            self,
            Self::CONNECTION | Self::KEEP_ALIVE | Self::PROXY_CONNECTION | Self::UPGRADE | Self::TRANSFER_ENCODING
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_agree() {
        for n in 1..=75 {
            let known = Known::from_number(n);
            if !known.name().is_empty() {
                assert_eq!(Known::of(known.name().as_bytes()), known);
            }
        }
        assert_eq!(Known::of(b"x-other"), Known::OTHER);
    }
}

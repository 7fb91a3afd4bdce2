//! Types as the JVM spells them: how many arguments lie between a request's strings and its attachments.
//!
//! Java takes a descriptor to pieces with a regular expression (`ReflectUtils.desc2classArray`), which passes over what it
//! cannot read: `"x I"` is one `int` to it. It does so only for generic calls and echoes; in all others the descriptor must
//! be, letter for letter, that of a method of the service. So what is malformed names no method, and is refused here.

/// How many arguments a request may have. The JVM allows 255.
const ARGS: usize = 255;
/// How many dimensions an array may have in the JVM.
const DIMENSIONS: usize = 255;

/// The number of types in a descriptor; `None` where it is none, or has more types than a method can.
pub(crate) fn count_args(descriptor: &[u8]) -> Option<usize> {
    let (mut rest, mut args) = (descriptor, 0_usize);
    // What most arguments are.
    while let Some(behind) = rest.strip_prefix(b"Ljava/lang/String;") {
        (rest, args) = (behind, args.wrapping_add(1));
    }
    let mut bytes = rest.iter();
    let mut dimensions = 0_usize;
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' if dimensions < DIMENSIONS => {
                dimensions = dimensions.wrapping_add(1);
                continue;
            }
            b'Z' | b'B' | b'C' | b'D' | b'F' | b'I' | b'J' | b'S' => {}
            b'L' => skip_name(&mut bytes)?,
            _ => return None,
        }
        dimensions = 0;
        args = args.wrapping_add(1);
    }
    (dimensions == 0 && args <= ARGS).then_some(args)
}

/// Passes over the name of a class and the semicolon behind it.
#[inline]
fn skip_name(bytes: &mut std::slice::Iter<'_, u8>) -> Option<()> {
    let mut is_begun = false;
    for byte in bytes {
        match NAME.get(usize::from(*byte))? {
            In::Part => is_begun = true,
            In::Slash if is_begun => is_begun = false,
            In::End if is_begun => return Some(()),
            In::Slash | In::End | In::Nothing => return None,
        }
    }
    None
}

/// What a byte is in the name of a class.
#[derive(Clone, Copy)]
enum In {
    Part,
    Slash,
    End,
    Nothing,
}

/// What may stand in a part of a class's name (JVMS 4.2.2). Java's expression allows ASCII letters, digits, `_` and `$` only;
/// classes may have others, and are found by them where the descriptor is compared as a whole.
static NAME: [In; 256] = {
    let mut table = [In::Part; 256];
    let mut n = 0;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // const: a mistake does not compile
    while n < 256 {
        table[n] = match n as u8 {
            b'/' => In::Slash,
            b';' => In::End,
            0..=b' ' | b'.' | b'[' | 0x7f => In::Nothing,
            _ => In::Part,
        };
        n += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One type after the other, each part of a name for itself.
    fn by_grammar(mut rest: &[u8]) -> Option<usize> {
        let mut args = 0;
        while !rest.is_empty() {
            let dimensions = rest.iter().take_while(|byte| **byte == b'[').count();
            let (tag, behind) = rest.get(dimensions..)?.split_first()?;
            rest = match tag {
                b'Z' | b'B' | b'C' | b'D' | b'F' | b'I' | b'J' | b'S' => behind,
                b'L' => {
                    let end = behind.iter().position(|byte| *byte == b';')?;
                    let is_part = |part: &[u8]| {
                        !part.is_empty() && part.iter().all(|byte| !matches!(byte, 0..=b' ' | b'.' | b'[' | 0x7f))
                    };
                    if !behind[..end].split(|byte| *byte == b'/').all(is_part) {
                        return None;
                    }
                    &behind[end + 1..]
                }
                _ => return None,
            };
            args += 1;
        }
        Some(args)
    }

    #[test]
    fn types_are_counted() {
        for (descriptor, args) in [
            (&b""[..], 0),
            (b"I", 1),
            (b"ZBCDFIJS", 8),
            (b"Ljava/lang/String;", 1),
            (b"Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;", 3),
            (b"[[I[J", 2),
            (b"Lcom/example/Outer$Inner;I", 2),
            (b"LDefaultPackage;", 1),
            ("Lcom/example/Größe;".as_bytes(), 1),
        ] {
            assert_eq!(count_args(descriptor), Some(args), "{descriptor:?}");
        }
    }

    #[test]
    fn what_is_malformed_has_no_count() {
        for descriptor in [
            &b"V"[..],
            b"[",
            b"[V",
            b"L",
            b"L;",
            b"Ljava/lang/String",
            b"Ljava//String;",
            b"L/java/String;",
            b"Ljava/String/;",
            b"Ljava.lang.String;",
            b"L[java/lang/String;",
            b"x",
            b"I I",
            b"(I)V",
            b"java.lang.String",
        ] {
            assert_eq!(count_args(descriptor), None, "{descriptor:?}");
        }
    }

    #[test]
    fn as_many_as_the_jvm_allows() {
        assert_eq!(count_args(&[b'I'; 255]), Some(255));
        assert_eq!(count_args(&[b'I'; 256]), None);
        let array = |dimensions| [&vec![b'['; dimensions][..], b"I"].concat();
        assert_eq!(count_args(&array(255)), Some(1));
        assert_eq!(count_args(&array(256)), None);
    }

    proptest! {
        #[test]
        fn types_add_up(types in prop::collection::vec("\\[{0,3}([ZBCDFIJS]|L[a-z]{1,5}(/[a-zA-Z$]{1,5}){0,3};)", 0..20)) {
            prop_assert_eq!(count_args(types.concat().as_bytes()), Some(types.len()));
        }

        #[test]
        fn it_counts_as_the_grammar_does(bytes in prop::collection::vec(prop::sample::select(&b"[LIV;/a"[..]), 0..30)) {
            prop_assert_eq!(count_args(&bytes), by_grammar(&bytes));
        }
    }
}

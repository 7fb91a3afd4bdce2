// What Thrift peers offer and ask. Generated code is made by `install.sh` and not kept.

namespace java interop.echo
namespace go echo
namespace cpp interop
namespace py echo
namespace rs echo

struct Leaf {
    1: i32 number,
    2: string text,
    3: double half,
    4: bool yes,
}

struct Nested {
    1: map<string, list<Leaf>> leaves,
    2: set<i64> numbers,
    3: list<map<i32, list<string>>> deep,
    4: optional Leaf leaf,
    5: list<bool> flags,
    6: byte small,
    7: i16 short_one,
}

exception Refused {
    1: i32 code,
    2: string why,
}

service Echo {
    // The text.
    string call(1: string text),
    // Remembers the text, and answers nothing.
    oneway void post(1: string text),
    // How often `post` brought this text.
    i32 posted(1: string text),
    // Throws `Refused` with this code and the why "no NUMBER".
    string refuse(1: i32 code) throws (1: Refused refused),
    // The value.
    Nested nested(1: Nested value),
    // The bytes.
    binary bytes(1: binary data),
    // Nothing.
    void ping(),
}

// A client's view with a method that no server has.
service Wider extends Echo {
    string missing(1: string text),
}

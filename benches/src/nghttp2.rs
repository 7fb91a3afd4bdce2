//! nghttp2's HPACK, out of the shared library that curl and most of Linux's HTTP/2 use. It is loaded while the program
//! runs, so that a machine without it still builds this package and runs the other cases.
#![allow(unsafe_code)] // Calls into C.

use std::ffi::c_int;
use std::ptr;
use std::sync::OnceLock;

use libloading::Library;

use crate::lists::List;

const LIBRARY: &str = "libnghttp2.so.14";

/// `NGHTTP2_HD_INFLATE_FINAL`: the block has ended.
const FINAL: c_int = 1;
/// `NGHTTP2_HD_INFLATE_EMIT`: a field was written.
const EMIT: c_int = 2;

/// `nghttp2_nv`.
#[repr(C)]
struct Nv {
    name: *const u8,
    value: *const u8,
    name_len: usize,
    value_len: usize,
    flags: u8,
}

/// Whatever the library keeps behind its pointers.
#[repr(C)]
struct Opaque {
    _private: [u8; 0],
}

struct Functions {
    inflate_new: unsafe extern "C" fn(*mut *mut Opaque) -> c_int,
    inflate_hd2: unsafe extern "C" fn(*mut Opaque, *mut Nv, *mut c_int, *const u8, usize, c_int) -> isize,
    inflate_end_headers: unsafe extern "C" fn(*mut Opaque) -> c_int,
    inflate_del: unsafe extern "C" fn(*mut Opaque),
    deflate_new: unsafe extern "C" fn(*mut *mut Opaque, usize) -> c_int,
    deflate_hd: unsafe extern "C" fn(*mut Opaque, *mut u8, usize, *const Nv, usize) -> isize,
    deflate_del: unsafe extern "C" fn(*mut Opaque),
}

fn functions() -> Result<&'static Functions, String> {
    static LOADED: OnceLock<Result<Functions, String>> = OnceLock::new();
    LOADED.get_or_init(load).as_ref().map_err(String::clone)
}

fn load() -> Result<Functions, String> {
    let error = |error: libloading::Error| format!("{LIBRARY} (Debian: libnghttp2-14) cannot be loaded: {error}");
    // SAFETY: the library's initializers do nothing that could matter here.
    let library = unsafe { Library::new(LIBRARY) }.map_err(error)?;
    // It stays: the functions live as long as the program.
    let library: &'static Library = Box::leak(Box::new(library));
    macro_rules! function {
        ($name:literal) => {
            // SAFETY: the types are those that nghttp2.h declares.
            *unsafe { library.get($name) }.map_err(error)?
        };
    }
    Ok(Functions {
        inflate_new: function!(b"nghttp2_hd_inflate_new\0"),
        inflate_hd2: function!(b"nghttp2_hd_inflate_hd2\0"),
        inflate_end_headers: function!(b"nghttp2_hd_inflate_end_headers\0"),
        inflate_del: function!(b"nghttp2_hd_inflate_del\0"),
        deflate_new: function!(b"nghttp2_hd_deflate_new\0"),
        deflate_hd: function!(b"nghttp2_hd_deflate_hd\0"),
        deflate_del: function!(b"nghttp2_hd_deflate_del\0"),
    })
}

/// Whether the library is here.
///
/// # Errors
///
/// What is missing.
pub fn available() -> Result<(), String> {
    functions().map(drop)
}

/// nghttp2's decoder, with a table of 4096 bytes.
#[derive(Debug)]
pub struct Inflater(*mut Opaque);

impl Inflater {
    /// A decoder.
    ///
    /// # Panics
    ///
    /// The library is not here; see [`available`].
    pub fn new() -> Self {
        let mut inflater = ptr::null_mut();
        // SAFETY: the pointer is a place for the result.
        let code = unsafe { (loaded().inflate_new)(&raw mut inflater) };
        assert_eq!(code, 0, "nghttp2_hd_inflate_new");
        Self(inflater)
    }

    /// Calls `sink` with each name and value of a whole block.
    ///
    /// # Panics
    ///
    /// The block is malformed.
    pub fn decode(&mut self, block: &[u8], mut sink: impl FnMut(&[u8], &[u8])) {
        let functions = loaded();
        let mut rest = block;
        loop {
            let mut nv = Nv { name: ptr::null(), value: ptr::null(), name_len: 0, value_len: 0, flags: 0 };
            let mut flags = 0;
            // SAFETY: the inflater lives; `nv` and `flags` are places for results; `rest` is readable.
            let n =
                unsafe { (functions.inflate_hd2)(self.0, &raw mut nv, &raw mut flags, rest.as_ptr(), rest.len(), 1) };
            assert!(n >= 0, "nghttp2_hd_inflate_hd2: {n}");
            rest = &rest[n as usize..];
            if flags & EMIT != 0 {
                // SAFETY: a field that was emitted stays where it is until the next call.
                let field = unsafe {
                    (
                        std::slice::from_raw_parts(nv.name, nv.name_len),
                        std::slice::from_raw_parts(nv.value, nv.value_len),
                    )
                };
                sink(field.0, field.1);
            }
            if flags & FINAL != 0 {
                // SAFETY: the inflater lives.
                unsafe { (functions.inflate_end_headers)(self.0) };
                return;
            }
        }
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        unsafe { (loaded().inflate_del)(self.0) };
    }
}

/// Encodes the lists of one connection as nghttp2 does, with a table of 4096 bytes.
///
/// # Panics
///
/// The library is not here; see [`available`].
pub fn deflate(lists: &[List]) -> Vec<Vec<u8>> {
    let functions = loaded();
    let mut deflater = ptr::null_mut();
    // SAFETY: the pointer is a place for the result.
    let code = unsafe { (functions.deflate_new)(&raw mut deflater, 4096) };
    assert_eq!(code, 0, "nghttp2_hd_deflate_new");
    let blocks = lists
        .iter()
        .map(|list| {
            let fields: Vec<Nv> = list
                .iter()
                .map(|(name, value)| Nv {
                    name: name.as_ptr(),
                    value: value.as_ptr(),
                    name_len: name.len(),
                    value_len: value.len(),
                    flags: 0,
                })
                .collect();
            let mut block = vec![0; 16 * 1024];
            // SAFETY: the deflater lives, `block` can be written to its end, `fields` read.
            let n = unsafe {
                (functions.deflate_hd)(deflater, block.as_mut_ptr(), block.len(), fields.as_ptr(), fields.len())
            };
            block.truncate(usize::try_from(n).expect("encoded"));
            block
        })
        .collect();
    // SAFETY: nobody uses it any more.
    unsafe { (functions.deflate_del)(deflater) };
    blocks
}

fn loaded() -> &'static Functions {
    functions().unwrap_or_else(|error| panic!("{error}"))
}

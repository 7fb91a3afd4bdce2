//! An allocator that counts.
#![allow(unsafe_code)] // `GlobalAlloc` is an unsafe trait; every call is handed on as it came.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, and how often this thread has called it.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

thread_local! {
    // Every case runs on one thread; an atomic counter would charge allocations with a locked instruction.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Allocations of this thread so far, those in which a block only grew included.
pub fn count() -> u64 {
    COUNT.get()
}

fn add() {
    // While a thread ends there is nothing left to count in.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: all that `GlobalAlloc` asks for is what `System` does; counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add();
        // SAFETY: the caller's promises are handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add();
        // SAFETY: the caller's promises are handed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add();
        // SAFETY: the caller's promises are handed on.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are handed on.
        unsafe { System.dealloc(block, layout) }
    }
}

//! Real peers that talk to each other through the example proxy `sidecar`, with nothing of this
//! workspace at either end; and conformance suites, against the sidecar and against the example `server`.
//!
//! `peers.toml` lists the peers and the cells (who talks to whom, and about what); `install.sh`
//! installs them, this program installs nothing. It runs where `MESHWIRE_INTEROP` is set, and else
//! says that it does not. With `MESHWIRE_INTEROP=required` a missing peer is a failure; with any other
//! value its cells are left out.
//!
//! ```text
//! tests/interop/install.sh
//! MESHWIRE_INTEROP=required cargo test --test interop             # every cell
//! cargo test --test interop -- --direct                           # no sidecar: are the peers well?
//! MESHWIRE_INTEROP=1 cargo test --test interop -- 'curl -> nginx' # some cells
//! ```

mod plan;
mod process;
mod run;
mod shared;
mod sidecar;

use std::path::Path;
use std::process::ExitCode;

use plan::{Cell, Plan};
use run::Run;

fn main() -> ExitCode {
    let options = Options::parse();
    if !options.asked {
        println!("interop: skipped: no peers are asked for (MESHWIRE_INTEROP is not set)");
        return ExitCode::SUCCESS;
    }
    match run(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            println!("interop: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<bool, String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let mut plan = Plan::load(&home)?;
    if options.direct {
        plan.without_proxy();
    }
    Run::new(options, home)?.all(&plan)
}

struct Options {
    /// Whether to do anything.
    asked: bool,
    /// Whether a missing peer is a failure.
    required: bool,
    /// Whether clients connect to the servers themselves.
    direct: bool,
    /// Parts of the names of the cells to run; none: all of them.
    filters: Vec<String>,
}

impl Options {
    fn parse() -> Self {
        let mode = std::env::var("MESHWIRE_INTEROP").unwrap_or_default();
        // `cargo test` may pass on flags that are meant for libtest; they mean nothing here.
        let (flags, filters): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|a| a.starts_with('-'));
        let direct = flags.iter().any(|f| f == "--direct");
        Self { asked: direct || !mode.is_empty(), required: mode == "required", direct, filters }
    }

    fn selects(&self, cell: &Cell) -> bool {
        let name = cell.name();
        self.filters.is_empty() || self.filters.iter().any(|f| name.contains(f.as_str()))
    }
}

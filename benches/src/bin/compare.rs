//! `cargo compare [--json] [--check] [--instructions] [FILTER]`: meshwire against its peers, in one run.

use std::process::ExitCode;

use meshwire_benches::alloc::Counting;
use meshwire_benches::report::Report;
use meshwire_benches::{callgrind, cases, measure};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USAGE: &str = "\
usage: cargo compare [--json] [--check] [--instructions] [FILTER]

FILTER          only cases with this in their name
--json          a line of JSON for each case
--instructions  count instructions too, with valgrind's callgrind
--check         fail where a target is missed";

#[derive(Default)]
struct Options {
    json: bool,
    check: bool,
    instructions: bool,
    filter: String,
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Vec<String>) -> Result<ExitCode, String> {
    if let [flag, case, side] = &arguments[..]
        && flag == callgrind::COLLECT
    {
        let case = cases::all().into_iter().find(|known| known.name == *case).ok_or("no such case")?;
        return callgrind::collect(&case, side).map(|()| ExitCode::SUCCESS);
    }
    let mut options = Options::default();
    for argument in arguments {
        match &*argument {
            "--json" => options.json = true,
            "--check" => options.check = true,
            "--instructions" => options.instructions = true,
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(ExitCode::SUCCESS);
            }
            flag if flag.starts_with('-') => return Err(format!("unknown option {flag}\n\n{USAGE}")),
            _ if options.filter.is_empty() => options.filter = argument,
            _ => return Err(format!("more than one FILTER\n\n{USAGE}")),
        }
    }
    compare(&options)
}

fn compare(options: &Options) -> Result<ExitCode, String> {
    let cases: Vec<_> = cases::all().into_iter().filter(|case| case.name.contains(&options.filter)).collect();
    if cases.is_empty() {
        return Err(format!("no case has `{}` in its name", options.filter));
    }
    if options.instructions {
        callgrind::available()?;
    }
    let report = Report::new(options.json, options.instructions);
    report.begin();
    let mut missed = 0;
    for case in &cases {
        if let Err(missing) = (case.needs)() {
            // A target that cannot be looked at was not met.
            eprintln!("{}: left out: {missing}", case.name);
            missed += case.targets.len();
            continue;
        }
        let mut result = measure::measure(case);
        if options.instructions {
            result.instructions = Some(callgrind::count(case)?);
        }
        missed += report.case(case, &result);
    }
    if missed > 0 {
        eprintln!("{missed} targets missed");
    }
    Ok(if missed > 0 && options.check { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

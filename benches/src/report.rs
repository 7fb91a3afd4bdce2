//! What is printed.

use crate::case::{Case, Result};

/// Prints results as they come.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    json: bool,
    instructions: bool,
}

impl Report {
    /// Lines of JSON, or a table for people; with columns for instructions.
    pub const fn new(json: bool, instructions: bool) -> Self {
        Self { json, instructions }
    }

    /// Prints the names of the columns.
    pub fn begin(self) {
        if self.json {
            return;
        }
        print!("{:<34} {:>11} {:>11} {:>6} {:>7}", "case", "meshwire ns", "peer ns", "ratio", "allocs");
        if self.instructions {
            print!(" {:>11} {:>11} {:>6}", "meshwire in", "peer in", "ratio");
        }
        println!("  peer; targets");
    }

    /// Prints one case: how many of its targets were missed.
    pub fn case(self, case: &Case, result: &Result) -> usize {
        if self.json {
            println!("{}", json(case, result))
        } else {
            self.row(case, result)
        }
        case.targets.iter().filter(|target| target.met(result) == Some(false)).count()
    }

    fn row(self, case: &Case, result: &Result) {
        let Result { ns, peer_ns, ratio, allocs, .. } = result;
        print!("{:<34} {ns:>11.1} {peer_ns:>11.1} {ratio:>6.2} {allocs:>7.3}", case.name);
        match result.instructions {
            Some(n) => print!(" {:>11.1} {:>11.1} {:>6.2}", n.ours, n.theirs, n.ratio()),
            None if self.instructions => print!(" {:>11} {:>11} {:>6}", "-", "-", "-"),
            None => {}
        }
        print!("  {}", case.peer);
        for target in &case.targets {
            let said = match target.met(result) {
                Some(true) => "pass",
                Some(false) => "MISS",
                None => continue,
            };
            print!("; {target}: {said}");
        }
        println!();
    }
}

/// One line of JSON. Names hold nothing that would have to be escaped.
fn json(case: &Case, result: &Result) -> String {
    let Result { ns, peer_ns, ratio, allocs, instructions, .. } = result;
    let mut line = format!(
        r#"{{"case":"{}","peer":"{}","ns":{ns:.1},"peer_ns":{peer_ns:.1},"ratio":{ratio:.3},"allocs":{allocs:.3}"#,
        case.name, case.peer
    );
    if let Some(n) = instructions {
        let (ours, theirs, ratio) = (n.ours, n.theirs, n.ratio());
        line += &format!(r#","instructions":{ours:.1},"peer_instructions":{theirs:.1},"instruction_ratio":{ratio:.3}"#);
    }
    line + "}"
}

//! The cases of `cargo compare` under criterion, for people: `cargo bench --manifest-path benches/Cargo.toml`.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use meshwire_benches::case::Make;
use meshwire_benches::{cases, measure};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for case in cases::all() {
        if let Err(missing) = (case.needs)() {
            eprintln!("{}: left out: {missing}", case.name);
            continue;
        }
        let mut group = criterion.benchmark_group(&case.name);
        group.throughput(Throughput::Elements(u64::from(case.batch)));
        let mut bench = |name: &str, make: &Make| {
            // Made only if it is run: some sides take a while.
            group.bench_function(name, |bencher| {
                let mut side = make();
                bencher.iter_custom(|batches| (0..batches).map(|_| measure::batch(&mut *side)).sum());
            });
        };
        bench("meshwire", &case.ours);
        bench(case.peer, &case.theirs);
        group.finish();
    }
    criterion.final_summary();
}

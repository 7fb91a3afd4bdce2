//! Every seed, and every input that was ever found to break something, goes through its target.

use std::fs;
use std::path::Path;

#[test]
fn every_seed_passes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, target) in meshwire_fuzz::targets::ALL {
        let mut inputs = 0;
        for entry in fs::read_dir(root.join("seeds").join(name)).expect("the target has seeds") {
            let path = entry.expect("a folder that can be read").path();
            println!("{}", path.display());
            target(&fs::read(&path).expect("a seed that can be read"));
            inputs += 1;
        }
        assert!(inputs > 0, "{name} has no seeds");
    }
}

module meshwire/benches/meter

go 1.26.0

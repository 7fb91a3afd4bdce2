//! The command line of `inspect`.

use std::path::PathBuf;

use meshwire::Depth;

pub(crate) const HELP: &str = "\
inspect: reads recorded bytes and says what is in them

Usage: inspect [OPTIONS] [--requests FILE] [--responses FILE]

  --requests FILE     what a client sent, decoded as its server would
  --responses FILE    what the server sent, decoded as the client that sent those requests would;
                      without --requests, as answers to plain requests
  --protocol NAME     http1, http2, dubbo, bolt, thrift; auto (the default) looks at the first bytes
  --depth DEPTH       boundary: where messages begin and end, and their ids
                      route: what route tables look at (the default)
                      fields: that, and every field
  --chunk N           feed N bytes at a time (default 65536); events are the same for every N
  --json              one JSON object a line
  --hex               show the bytes of each part (not with --json)
  --colour WHEN       auto (the default: on a terminal), always, never
  -h, --help          this text

Exit status: 0 clean, 1 something could not be decoded, 2 wrong usage.

Example: inspect --requests client.bin --responses server.bin --depth fields";

pub(crate) struct Args {
    pub(crate) requests: Option<PathBuf>,
    pub(crate) responses: Option<PathBuf>,
    pub(crate) protocol: Option<String>,
    pub(crate) depth: Depth,
    pub(crate) chunk: usize,
    pub(crate) json: bool,
    pub(crate) hex: bool,
    pub(crate) colour: Option<bool>,
}

/// The arguments; `None` when only help was wanted.
pub(crate) fn parse() -> Result<Option<Args>, String> {
    use lexopt::prelude::*;

    let mut args = Args {
        requests: None,
        responses: None,
        protocol: None,
        depth: Depth::ROUTE,
        chunk: 64 * 1024,
        json: false,
        hex: false,
        colour: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next().map_err(|e| e.to_string())? {
        match arg {
            Long("requests") => args.requests = Some(value(&mut parser)?.into()),
            Long("responses") => args.responses = Some(value(&mut parser)?.into()),
            Long("protocol") => args.protocol = Some(value(&mut parser)?).filter(|name| name != "auto"),
            Long("depth") => {
                args.depth = match value(&mut parser)?.as_str() {
                    "boundary" => Depth::BOUNDARY,
                    "route" => Depth::ROUTE,
                    "fields" => Depth::ROUTE.with_all_fields(),
                    other => return Err(format!("--depth is boundary, route or fields, not {other:?}")),
                }
            }
            Long("chunk") => {
                let text = value(&mut parser)?;
                args.chunk =
                    text.parse().ok().filter(|n| *n > 0).ok_or(format!("--chunk is a number from 1, not {text:?}"))?;
            }
            Long("colour" | "color") => {
                args.colour = match value(&mut parser)?.as_str() {
                    "auto" => None,
                    "always" => Some(true),
                    "never" => Some(false),
                    other => return Err(format!("--colour is auto, always or never, not {other:?}")),
                }
            }
            Long("json") => args.json = true,
            Long("hex") => args.hex = true,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if args.requests.is_none() && args.responses.is_none() {
        return Err("give --requests FILE, --responses FILE, or both".into());
    }
    if args.json && args.hex {
        return Err("--hex is for people: not with --json".into());
    }
    Ok(Some(args))
}

fn value(parser: &mut lexopt::Parser) -> Result<String, String> {
    use lexopt::ValueExt;

    parser.value().and_then(|value| value.string()).map_err(|error| error.to_string())
}

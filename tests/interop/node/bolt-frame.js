'use strict';

// What passes on a Bolt connection: the libraries do not tell.

/**
 * The heads of frames as they pass: `sent` by `encoder`, `got` by `decoder`. Of heartbeats there is only
 * a number: `acks`.
 */
function watch(encoder, decoder) {
  const seen = { sent: [], got: [], acks: 0 };
  heads(encoder, head => head.heartbeat || seen.sent.push(head));
  decoder.on('pipe', socket => heads(socket, head => {
    if (!head.heartbeat) seen.got.push(head);
    else if (head.type === 'answer') seen.acks++;
  }));
  return seen;
}

function heads(stream, each) {
  let rest = Buffer.alloc(0);
  stream.on('data', bytes => {
    rest = Buffer.concat([rest, bytes]);
    let next;
    while ((next = head(rest)) && next.length <= rest.length) {
      each(next);
      rest = rest.subarray(next.length);
    }
  });
}

/** The head of the frame that `bytes` begin with; undefined while it is not whole. */
function head(bytes) {
  if (bytes.length < 3) return undefined;
  const v2 = bytes[0] === 2;
  // Version 2 has a version behind its first byte, and a switch behind the codec.
  const type = v2 ? 2 : 1;
  const answer = bytes[type] === 0;
  const behindCodec = v2 ? 12 : 10;
  const sizes = behindCodec + (answer ? 2 : 4);
  if (bytes.length < sizes + 8) return undefined;
  const crc = v2 && bytes[1] === 2 && (bytes[11] & 1) === 1;
  const classLength = bytes.readInt16BE(sizes);
  const headerLength = bytes.readInt16BE(sizes + 2);
  const contentLength = bytes.readInt32BE(sizes + 4);
  return {
    protocol: v2 ? `bolt2, version ${bytes[1]}${crc ? ', CRC' : ''}` : 'bolt',
    type: ['answer', 'request', 'oneway'][bytes[type]],
    heartbeat: bytes.readInt16BE(type + 1) === 0,
    id: bytes.readInt32BE(type + 4),
    codec: bytes[type + 8],
    status: answer ? bytes.readInt16BE(behindCodec) : undefined,
    classLength,
    contentLength,
    length: sizes + 8 + classLength + headerLength + contentLength + (crc ? 4 : 0),
  };
}

module.exports = { watch };

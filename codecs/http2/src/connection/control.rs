//! Frames that carry no message: PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE and unknown ones.

use bytes::Bytes;
use meshwire::{Cx, DecodeError, Event, Extension, Reset, ResetReason, Role};

use super::receive::depends_on;
use super::{Connection, stream_id};
use crate::code::Code;
use crate::frame::{self, Header};

impl Connection {
    /// A frame that moves nothing forward.
    pub(super) fn idle(&mut self, cx: &mut Cx<'_>, what: &'static str) -> Result<(), DecodeError> {
        self.budgets.idle(cx.now()).map_err(|limit| self.over(limit, what, cx))
    }

    fn wrong_size(&mut self, cx: &mut Cx<'_>) -> DecodeError {
        self.fatal(Code::FRAME_SIZE_ERROR, "frame_size", "a payload is not as long as its type asks", cx)
    }

    /// Priorities are read and forgotten (RFC 9113, section 5.3.2).
    pub(super) fn priority_frame(
        &mut self,
        header: Header,
        payload: &[u8],
        cx: &mut Cx<'_>,
    ) -> Result<(), DecodeError> {
        self.idle(cx, "too many PRIORITY frames")?;
        let (name, detail) = if payload.len() != 5 {
            ("frame_size", "a priority has 5 bytes")
        } else if depends_on(payload, 0) == header.stream {
            ("priority", "a stream that depends on itself")
        } else {
            return Ok(());
        };
        let code = if payload.len() == 5 { Code::PROTOCOL_ERROR } else { Code::FRAME_SIZE_ERROR };
        if self.is_idle(header.stream) {
            // What was never opened cannot be reset.
            return Err(self.fatal(code, name, detail, cx));
        }
        Err(self.stream_error(header.stream, code, name, detail, cx))
    }

    pub(super) fn reset_frame(
        &mut self,
        header: Header,
        payload: &[u8],
        cx: &mut Cx<'_>,
    ) -> Result<Option<Event>, DecodeError> {
        let Ok(code) = <[u8; 4]>::try_from(payload) else { return Err(self.wrong_size(cx)) };
        let id = header.stream;
        let Some(stream) = self.streams.get(id) else {
            if self.is_idle(id) && !self.config.observe {
                return Err(self.fatal(
                    Code::PROTOCOL_ERROR,
                    "stream",
                    "a reset of a stream that was never opened",
                    cx,
                ));
            }
            // Both ends may reset a stream at once.
            return self.idle(cx, "too many resets of streams that are closed").map(|()| None);
        };
        let (age, answered, told) = (cx.now().saturating_sub(stream.opened), stream.begun, !stream.deaf);
        if self.role == Role::Server
            && let Err(limit) = self.budgets.reset(age, answered, cx.now())
        {
            return Err(self.over(limit, "streams opened and reset faster than anyone can serve them", cx));
        }
        self.retire(id);
        let reason = Code(u32::from_be_bytes(code)).reason();
        Ok(told.then(|| Event::Reset(Reset { stream: stream_id(id), reason })))
    }

    pub(super) fn settings_frame(
        &mut self,
        header: Header,
        payload: &[u8],
        cx: &mut Cx<'_>,
    ) -> Result<(), DecodeError> {
        if header.has(frame::ACK) {
            return self.settings_ack(payload, cx);
        }
        self.idle(cx, "too many SETTINGS frames")?;
        let before = self.peer;
        if let Err((code, detail)) = self.peer.read(payload, self.role == Role::Client) {
            return Err(self.fatal(code, "settings", detail, cx));
        }
        let (table, window) = (self.peer.table, self.peer.window);
        if table != before.table {
            self.encoder.set_peer_table_size(table);
        }
        let change = i64::from(window).saturating_sub(i64::from(before.window));
        let mut waited = self.wanted;
        if change != 0 {
            let mut good = true;
            for (_, stream) in self.streams.each() {
                good &= stream.send.give(change);
                waited |= stream.send.left() > 0 && stream.waits_since.take().is_some();
            }
            if !good {
                let detail = "INITIAL_WINDOW_SIZE takes a stream's window past 31 bits";
                return Err(self.fatal(Code::FLOW_CONTROL_ERROR, "settings", detail, cx));
            }
        }
        self.settled = true;
        self.count_reply(cx)?;
        self.write(frame::SETTINGS, frame::ACK, 0, &[], cx);
        // More streams may be allowed now, or more bytes on each.
        if waited {
            self.wanted = false;
            self.events.push_back(Event::Capacity { stream: None });
        }
        Ok(())
    }

    /// From here on the peer keeps to what we said.
    fn settings_ack(&mut self, payload: &[u8], cx: &mut Cx<'_>) -> Result<(), DecodeError> {
        if !payload.is_empty() {
            return Err(self.wrong_size(cx));
        }
        if self.unacknowledged.take().is_none() {
            return self.idle(cx, "too many acknowledgements of nothing");
        }
        self.decoder.set_max_table_size(self.limits.header_table);
        let window = self.own.window;
        for (_, stream) in self.streams.each() {
            stream.receive.resize(window);
        }
        Ok(())
    }

    pub(super) fn ping_frame(&mut self, header: Header, payload: &[u8], cx: &mut Cx<'_>) -> Result<Event, DecodeError> {
        let Ok(payload) = <[u8; 8]>::try_from(payload) else { return Err(self.wrong_size(cx)) };
        self.stats.heartbeats_in = self.stats.heartbeats_in.saturating_add(1);
        self.idle(cx, "too many PING frames")?;
        let ack = header.has(frame::ACK);
        if ack {
            self.drain_ping_came_back(payload, cx);
        } else {
            self.count_reply(cx)?;
            self.stats.heartbeats_out = self.stats.heartbeats_out.saturating_add(1);
            self.write(frame::PING, frame::ACK, 0, &payload, cx);
        }
        Ok(Event::Heartbeat { ack })
    }

    pub(super) fn goaway_frame(&mut self, payload: &[u8], cx: &mut Cx<'_>) -> Result<Event, DecodeError> {
        let Some((last, _)) = payload.split_first_chunk::<4>().filter(|(_, rest)| rest.len() >= 4) else {
            return Err(self.wrong_size(cx));
        };
        self.idle(cx, "too many GOAWAY frames")?;
        if self.role == Role::Client {
            self.draining = true;
            // What waits for a stream waits for ever: it is told so.
            if self.wanted {
                self.freed();
            }
            // What came too late was not looked at, and may be sent again elsewhere (section 6.8).
            let last = u32::from_be_bytes(*last) & frame::MAX_31;
            for id in self.streams.after(last) {
                self.retire(id);
                let reset = Reset { stream: stream_id(id), reason: ResetReason::Refused };
                self.events.push_back(Event::Reset(reset));
            }
        }
        Ok(Event::GoAway)
    }

    pub(super) fn window_frame(&mut self, header: Header, payload: &[u8], cx: &mut Cx<'_>) -> Result<(), DecodeError> {
        let Ok(credit) = <[u8; 4]>::try_from(payload) else { return Err(self.wrong_size(cx)) };
        let credit = u32::from_be_bytes(credit) & frame::MAX_31;
        let id = header.stream;
        if let Err(limit) = self.budgets.window_update(cx.now()) {
            return Err(self.over(limit, "too many WINDOW_UPDATE frames", cx));
        }
        if id == 0 {
            return self.connection_credit(credit, cx);
        }
        if self.is_idle(id) && !self.config.observe {
            return Err(self.fatal(Code::PROTOCOL_ERROR, "stream", "credit for a stream that was never opened", cx));
        }
        let given = self.streams.peek(id, |stream| {
            let good = stream.send.give(i64::from(credit));
            let waited = stream.send.left() > 0 && stream.waits_since.take().is_some();
            (good, waited)
        });
        match given {
            // Credit for what has ended in the meantime.
            None => Ok(()),
            Some(_) if credit == 0 => {
                Err(self.stream_error(id, Code::PROTOCOL_ERROR, "window", "a WINDOW_UPDATE of nothing", cx))
            }
            Some((false, _)) => {
                let detail = "more credit than 31 bits say";
                Err(self.stream_error(id, Code::FLOW_CONTROL_ERROR, "window", detail, cx))
            }
            Some((true, waited)) => {
                if waited {
                    self.events.push_back(Event::Capacity { stream: Some(stream_id(id)) });
                }
                Ok(())
            }
        }
    }

    fn connection_credit(&mut self, credit: u32, cx: &mut Cx<'_>) -> Result<(), DecodeError> {
        if credit == 0 {
            return Err(self.fatal(Code::PROTOCOL_ERROR, "window", "a WINDOW_UPDATE of nothing", cx));
        }
        if !self.send.give(i64::from(credit)) {
            return Err(self.fatal(Code::FLOW_CONTROL_ERROR, "window", "more credit than 31 bits say", cx));
        }
        if self.starved && self.send.left() > 0 {
            self.starved = false;
            for (_, stream) in self.streams.each().filter(|(_, stream)| stream.send.left() > 0) {
                stream.waits_since = None;
            }
            self.events.push_back(Event::Capacity { stream: None });
        }
        Ok(())
    }

    pub(super) fn unknown_frame(
        &mut self,
        header: Header,
        payload: Bytes,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Event>, DecodeError> {
        // Types that nobody knows are ignored (section 5.5).
        self.idle(cx, "too many frames of unknown types")?;
        let Header { kind, flags, stream, .. } = header;
        let stream = (stream != 0).then(|| stream_id(stream));
        Ok(self.config.extension_frames.then(|| Event::Extension(Extension { stream, kind, flags, payload })))
    }
}

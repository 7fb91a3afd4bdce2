'use strict';

// The service Echo of thrift/echo.thrift. It answers before it returns: the library forgets while it waits whether a
// call came with a header.

const { Refused } = require('./target/thrift/echo_types');

const posts = new Map();

module.exports = {
  call(text, done) {
    done(null, text);
  },
  post(text) {
    posts.set(text, (posts.get(text) || 0) + 1);
  },
  posted(text, done) {
    done(null, posts.get(text) || 0);
  },
  refuse(code, done) {
    done(new Refused({ code, why: `no ${code}` }));
  },
  nested(value, done) {
    done(null, value);
  },
  bytes(data, done) {
    done(null, data);
  },
  ping(done) {
    done(null);
  },
};

"""The service Echo of thrift/echo.thrift, whose exception is `refused`."""

import collections


class Echo:
    def __init__(self, refused):
        self.refused = refused
        self.posts = collections.Counter()

    def call(self, text):
        return text

    def post(self, text):
        self.posts[text] += 1

    def posted(self, text):
        return self.posts[text]

    def refuse(self, code):
        raise self.refused(code=code, why=f"no {code}")

    def nested(self, value):
        return value

    def bytes(self, data):
        return data

    def ping(self):
        pass

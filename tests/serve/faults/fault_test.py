#!/usr/bin/env python3
"""Clients that break, lie, stall and vanish: fault_test.py GLOSSA GLOSSA_SERVE MODEL [unittest's arguments].

Each gets a clear answer, and nobody else notices: two streams are spoken through the whole test, and what was heard
of them must be what `glossa transcribe` writes. Needs grpcio, protoc, grpc_python_plugin and openssl.
"""
import json
import sys
import unittest

from case import LATENCY, FaultTest, is_below, until
from ending_faults import LogTest, TerminationTest
from http_faults import HttpTest
from locked_faults import LockedTest
from mutation_faults import MutationTest
from openai_faults import OpenAiTest
from riva_faults import RivaTest
from serving import squeezed
from websocket_faults import WebSocketTest
from wire import exchange, upload


class AfterwardsTest(FaultTest):
    """All is as it was. Ends the server."""

    def tearDown(self):
        pass

    def test_afterwards(self):
        for speaker in self.steady:
            self.assertEqual(speaker.finish(), self.transcript(speaker.spoken))
        self.assertTrue(until(lambda: self.server.active_streams() == 0), self.server.active_streams())
        self.assertTrue(until(lambda: self.server.descriptors() <= self.before["descriptors"] + 2, 60),
                        f"{self.server.descriptors()} descriptors, before {self.before}")
        self.assertTrue(until(lambda: is_below(self.server, self.before["memory"] + 64)),
                        f"{self.server.memory()} MB, before {self.before}")
        response, = exchange(self.server.http, upload(self.speech_file, latency=LATENCY))
        self.assertEqual(squeezed(response.json()["text"]), self.transcript(self.speech))
        streams = self.server.ended_streams()
        self.assertEqual(self.server.stop(), 0, self.server.messages())
        self.check_log(streams)

    def check_log(self, streams):
        """Each stream has its line and a request that it belongs to, and no line says what was spoken."""
        raw = self.server.messages().rstrip("\n").split("\n")
        self.assertEqual([line for line in raw if not line.startswith("{")], [])
        lines = list(map(json.loads, raw))
        ends = [line for line in lines if line["event"] == "stream"]
        self.assertEqual(len(ends), streams)
        requests = {line["request"]: line for line in lines if line["event"] == "request"}
        for end in ends:
            request = requests[end["request"]]
            self.assertEqual((end["protocol"], end["peer"]), (request["protocol"], "127.0.0.1"))
        self.assertEqual({end["protocol"] for end in ends}, {"http", "websocket", "grpc"})
        self.assertLessEqual({"ok", "cancelled"}, {end["outcome"] for end in ends})
        self.assertNotIn(self.transcript(self.speech)[:20], self.server.messages())


def load_tests(loader, _tests, _pattern):
    """In this order."""
    cases = (HttpTest, WebSocketTest, OpenAiTest, RivaTest, LockedTest, MutationTest, TerminationTest, LogTest,
             AfterwardsTest)
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in cases)


def main():
    glossa, serve, model, *rest = sys.argv[1:]
    try:
        FaultTest.begin(glossa, serve, model)
        unittest.main(argv=[sys.argv[0], *rest])
    finally:
        FaultTest.end()


if __name__ == "__main__":
    main()

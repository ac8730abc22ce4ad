/** UDP: addresses, boundaries, errors from ICMP. */
import {
  AF_INET6,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_PEEK,
  MSG_TRUNC,
  POLL,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
} from '@netmem/uapi';
import { PORT, type Scenario } from '../scenario-run.ts';
import { payload } from '../transcript.ts';

export const DATAGRAMS: readonly Scenario[] = [
  {
    id: 'UDP: each datagram alone, with its sender',
    run(t) {
      const { client, server } = t.datagramPair();
      client.sendTo(t.at('server'), 'one');
      client.sendTo(t.at('server'), 'two two');
      server.recvmsg({ iov: [100], name: true });
      server.recvmsg({ iov: [3, 100], name: true });
      server.recvmsg({ iov: [100], name: true });
    },
  },
  {
    id: 'UDP: too little room: the rest is lost, MSG_TRUNC tells how much there was',
    run(t) {
      const { client, server } = t.datagramPair();
      for (const text of ['0123456789', '0123456789', 'abcdefghij', 'last']) client.sendTo(t.at('server'), text);
      server.recvmsg({ iov: [4] });
      server.recvmsg({ iov: [4] }, MSG_TRUNC | MSG_PEEK);
      server.recvmsg({ iov: [4] }, MSG_TRUNC);
      server.recvmsg({ iov: [4, 6] });
      server.recvmsg({ iov: [100] });
    },
  },
  {
    id: 'UDP: MSG_PEEK, and reading nothing takes a datagram',
    run(t) {
      const { client, server } = t.datagramPair();
      for (const text of ['one', 'two', 'three']) client.sendTo(t.at('server'), text);
      server.recvmsg({ iov: [100], name: true }, MSG_PEEK);
      server.recv(2, MSG_PEEK);
      server.recv(100);
      server.recvmsg({ iov: [0] });
      server.recvmsg({ iov: [] });
      server.recv(100, MSG_DONTWAIT);
    },
  },
  {
    id: 'UDP: an empty datagram is one',
    run(t) {
      const { client, server } = t.datagramPair();
      client.sendTo(t.at('server'), '');
      server.poll();
      server.recvmsg({ iov: [10], name: true });
      server.recv(10);
      client.connect(t.at('server'));
      client.send('');
      client.sendmsg({ iov: [] }, 0, 'no region');
      server.recv(10);
      server.recv(10);
      server.recv(10);
    },
  },
  {
    id: 'UDP: without an address to send to',
    run(t) {
      const c = t.udp('client', 'c');
      c.bind(t.at('client'));
      c.send('a');
      c.send('');
      c.sendTo(t.at('server', 0), 'a');
      c.connect(null);
      c.send('a');
    },
  },
  {
    id: 'UDP: what does not get as far as sending still takes a port',
    run(t) {
      for (const attempt of ['send', 'sendto', 'connect', 'recv', 'long'] as const) {
        const c = t.udp('client', attempt);
        if (attempt === 'send') c.send('a');
        else if (attempt === 'sendto') c.sendTo(t.at('server', 0), 'a');
        else if (attempt === 'connect') c.connect({ ip: '203.0.113.1', port: PORT });
        else if (attempt === 'long') c.send(70_000);
        else c.recv(1);
        c.getsockname();
      }
    },
  },
  {
    id: 'UDP: which of several errors a send tells',
    run(t) {
      const { client, server } = t.datagramPair();
      server.close();
      /** A socket with an error that nobody asked for yet. */
      const refused = (name: string): typeof client => {
        const socket = t.quietly(() => t.udp('client', name));
        t.quietly(() => {
          socket.connect(t.at('server'));
          socket.send('a');
          socket.until(POLL.ERR);
        });
        return socket;
      };
      refused('long').send(70_000);
      refused('too long').send(65_520);
      refused('oob').send('a', 1);
      refused('port 0').sendTo(t.at('server', 0), 'a');
      const shut = refused('shut');
      shut.shutdown(SHUT_WR);
      shut.send('a');
      shut.send('a');
      shut.send(70_000);
      shut.send('a', 1);
      const lost = refused('disconnected');
      lost.connect(null);
      lost.send('a');
      lost.get('SO_ERROR');
    },
  },
  {
    id: 'UDP: connect, its peer, another peer, disconnect',
    run(t) {
      const { client, server } = t.datagramPair();
      const third = t.quietly(() => {
        const x = t.udp('server', 'third');
        x.bind(t.at('server', PORT + 2));
        return x;
      });
      client.connect(t.at('server'));
      client.getsockname();
      client.getpeername();
      client.poll();
      client.send('to the peer');
      server.recv(20);
      third.sendTo(t.at('client', PORT + 1), 'from a stranger');
      client.recv(20);
      server.sendTo(t.at('client', PORT + 1), 'from the peer');
      client.recv(20);
      client.sendTo(t.at('server', PORT + 2), 'to a stranger');
      third.recv(20);
      client.connect(t.at('server', PORT + 2));
      client.getpeername();
      third.sendTo(t.at('client', PORT + 1), 'no stranger now');
      client.recv(20);
      client.connect(null);
      client.getpeername();
      client.getsockname();
      server.sendTo(t.at('client', PORT + 1), 'anybody again');
      client.recv(20);
    },
  },
  {
    id: 'UDP: what connect and disconnect do to an address that was not bound',
    run(t) {
      const c = t.udp('client', 'c');
      c.connect(null);
      c.connect(t.at('server'));
      c.getsockname();
      c.connect(null);
      c.getsockname();
      const d = t.udp('client', 'd');
      d.bind(t.any(0));
      d.connect(t.at('server'));
      d.getsockname();
      d.connect(null);
      d.getsockname();
      const e = t.udp('client', 'e');
      e.bind(t.any(PORT + 3));
      e.connect(t.at('server'));
      e.connect(null);
      e.getsockname();
    },
  },
  {
    id: 'UDP: sending binds to a port',
    run(t) {
      const { server } = t.datagramPair();
      const c = t.udp('client', 'fresh');
      c.sendTo(t.at('server'), 'a');
      c.getsockname();
      c.bind(t.at('client', PORT + 4));
      server.recv(10);
    },
  },
  {
    id: 'UDP: longer than a datagram can be',
    run(t) {
      const { client } = t.datagramPair();
      client.sendTo(t.at('server'), 65_508);
      client.sendTo(t.at('server'), 65_535);
      client.sendTo(t.at('server'), 65_536);
      client.connect(t.at('server'));
      client.send(70_000);
      client.poll();
      client.get('SO_ERROR');
    },
  },
  {
    id: 'UDP: longer than an IPv6 datagram can be',
    run(t) {
      const { client } = t.datagramPair(AF_INET6);
      client.sendTo(t.at('server', PORT, AF_INET6), 65_528);
      client.sendTo(t.at('server', PORT, AF_INET6), 65_536);
    },
  },
  {
    id: 'UDP: as long as fits in a frame',
    run(t) {
      const { client, server } = t.datagramPair();
      client.sendTo(t.at('server'), 1472);
      server.recv(2000);
      client.sendmsg({ iov: [payload(700), payload(772)], to: t.at('server') }, 0, '700 + 772 bytes');
      server.recvmsg({ iov: [1000, 1000] });
    },
  },
  {
    id: 'UDP: nobody listens: a connected socket is told once',
    run(t) {
      const c = t.udp('client', 'c');
      c.connect(t.at('server'));
      c.send('a');
      c.until(POLL.ERR);
      c.poll();
      c.send('b');
      c.send('c');
      c.until(POLL.ERR);
      c.recv(10);
      c.recv(10);
      c.send('d');
      c.until(POLL.ERR);
      c.get('SO_ERROR');
      c.get('SO_ERROR');
      c.poll();
    },
  },
  {
    id: 'UDP: nobody listens: an unconnected socket is not told',
    run(t) {
      const c = t.udp('client', 'c');
      c.sendTo(t.at('server'), 'a');
      c.poll();
      c.recv(10);
      c.get('SO_ERROR');
      c.sendTo(t.at('server'), 'b');
    },
  },
  {
    id: 'UDP: the error comes before data',
    run(t) {
      const { client, server } = t.datagramPair();
      client.connect(t.at('server'));
      server.sendTo(t.at('client', PORT + 1), 'data');
      server.close();
      client.send('a');
      client.until(POLL.ERR);
      client.poll();
      client.recv(10);
      client.recv(10);
    },
  },
  {
    id: 'UDP: the error queue is empty',
    run(t) {
      const { client } = t.datagramPair();
      client.recvmsg({ iov: [10], control: 100 }, MSG_ERRQUEUE);
    },
  },
  {
    id: 'UDP: shutdown of each direction',
    run(t) {
      const { client, server } = t.datagramPair();
      client.shutdown(SHUT_RD);
      client.connect(t.at('server'));
      client.shutdown(SHUT_WR);
      client.poll();
      client.send('a');
      client.sendTo(t.at('server'), 'a');
      server.connect(t.at('client', PORT + 1));
      server.shutdown(SHUT_RD);
      server.poll();
      server.recv(10);
      server.send('still sends');
      server.shutdown(5);
      server.shutdown(SHUT_RDWR);
      server.recv(10);
    },
  },
  {
    id: 'UDP: shut for reading, with a datagram there',
    run(t) {
      const { client, server } = t.datagramPair();
      server.connect(t.at('client', PORT + 1));
      client.sendTo(t.at('server'), 'before');
      server.shutdown(SHUT_RD);
      client.sendTo(t.at('server'), 'after');
      server.poll();
      server.recv(10);
      server.recv(10);
      server.recv(10);
    },
  },
  {
    id: 'UDP: MSG_MORE gathers one datagram',
    run(t) {
      const { client, server } = t.datagramPair();
      client.connect(t.at('server'));
      client.send('abc', MSG_MORE);
      server.recv(20);
      client.send('def', MSG_MORE);
      client.send('ghi');
      server.recv(20);
      server.recv(20);
    },
  },
  {
    id: 'UDP: MSG_MORE: where it goes the first piece says; too much of it is forgotten',
    run(t) {
      const { client, server } = t.datagramPair();
      client.sendTo(t.at('server'), 'to the server ', MSG_MORE);
      client.sendTo(t.at('server', 9), 'whatever this says');
      server.recv(50);
      client.send('to nobody', MSG_MORE);
      client.sendTo(t.at('server'), 'begun', MSG_MORE);
      client.sendTo(t.at('server'), 65_505, MSG_MORE);
      client.sendTo(t.at('server'), 'fresh');
      server.recv(50);
      client.sendTo(t.at('server'), 'never sent', MSG_MORE);
      client.close();
      server.recv(50);
    },
  },
  {
    id: 'UDP: UDP_CORK gathers until it is turned off',
    run(t) {
      const { client, server } = t.datagramPair();
      client.connect(t.at('server'));
      client.get('UDP_CORK');
      client.set('UDP_CORK', 5);
      client.get('UDP_CORK');
      client.send('abc');
      client.send('def');
      server.recv(20);
      client.set('UDP_CORK', 0);
      server.recv(20);
      client.send('ghi');
      server.recv(20);
      client.set('UDP_CORK', 1);
      client.shutdown(SHUT_WR);
      client.send('shut');
      client.set('UDP_CORK', Uint8Array.of(0));
      client.set('UDP_CORK', null, 4);
      client.setRaw(17, 99, 1, undefined, 'UDP 99');
      t.tcp('client', 'stream').set('UDP_CORK', 1);
      t.tcp('client', 'stream').get('UDP_CORK');
    },
  },
  {
    id: 'UDP: the buffer is full: more is dropped, what was there stays',
    run(t) {
      const { client, server } = t.datagramPair();
      server.set('SO_RCVBUF', 4000);
      t.quietly(() => {
        for (let i = 0; i < 100; i++) client.sendTo(t.at('server'), `datagram ${i}`);
      });
      server.recv(20);
      let rest = 0;
      t.quietly(() => {
        while (server.recv(20) >= 0) rest++;
      });
      t.note('some were dropped', rest < 99 && rest > 2);
      client.sendTo(t.at('server'), 'afterwards');
      server.recv(20);
    },
  },
  {
    id: 'UDP: two on one port: the more exact address gets it',
    run(t) {
      const { client, server } = t.datagramPair();
      const any = t.udp('server', 'any');
      server.set('SO_REUSEADDR', 1);
      any.set('SO_REUSEADDR', 1);
      any.bind(t.any());
      client.sendTo(t.at('server'), 'exact');
      server.recv(10);
      any.recv(10);
      server.close();
      client.sendTo(t.at('server'), 'any');
      any.recv(10);
    },
  },
  {
    id: 'UDP: to a broadcast address',
    run(t) {
      const { client } = t.datagramPair();
      client.sendTo({ ip: '255.255.255.255', port: PORT }, 'a');
      client.get('SO_BROADCAST');
    },
  },
];

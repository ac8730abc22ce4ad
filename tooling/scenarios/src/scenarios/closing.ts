/** The end of connections: FIN one way and both ways, RST and what is told of it. */
import { POLL, SHUT_RD, SHUT_RDWR, SHUT_WR } from '@netmem/uapi';
import type { Scenario } from '../scenario-run.ts';

/** struct linger: on, no time. */
const LINGER_0 = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

export const CLOSING: readonly Scenario[] = [
  {
    id: 'close: half, by the client; the server goes on sending',
    run(t) {
      const { client, server } = t.connected();
      client.send('request');
      client.shutdown(SHUT_WR);
      client.poll();
      server.poll();
      server.recv(20);
      server.recv(20);
      server.recv(20);
      server.send('answer');
      client.poll();
      client.recv(20);
      client.recv(20);
      client.send('too late');
      server.shutdown(SHUT_WR);
      client.poll();
      server.poll();
      client.recv(20);
      client.recv(20);
    },
  },
  {
    id: 'close: half, by the server; the client goes on sending',
    run(t) {
      const { client, server } = t.connected();
      server.shutdown(SHUT_WR);
      client.recv(1);
      client.send('still here');
      server.recv(20);
      client.close();
      server.poll();
      server.recv(1);
      server.send('a');
      server.close();
    },
  },
  {
    id: 'close: data, then FIN; read in pieces, then 0 again and again',
    run(t) {
      const { client, server } = t.connected();
      client.send('0123456789');
      client.close();
      server.poll();
      for (let i = 0; i < 3; i++) server.recv(4);
      for (let i = 0; i < 3; i++) server.recv(4);
      server.recv(0);
      server.poll();
      server.get('SO_ERROR');
    },
  },
  {
    id: 'close: both at once',
    run(t) {
      const { client, server } = t.connected();
      t.crossing([client, server], () => {
        client.shutdown(SHUT_WR);
        server.shutdown(SHUT_WR);
      });
      client.until(POLL.HUP);
      server.until(POLL.HUP);
      client.poll();
      server.poll();
      client.recv(1);
      server.recv(1);
      client.send('a');
      client.get('SO_ERROR');
      client.getpeername();
    },
  },
  {
    id: 'close: both send data and close at once; none is lost',
    run(t) {
      const { client, server } = t.connected();
      t.crossing([client, server], () => {
        client.send('from the client');
        server.send('from the server');
        client.shutdown(SHUT_WR);
        server.shutdown(SHUT_WR);
      });
      client.until(POLL.HUP);
      server.until(POLL.HUP);
      client.recv(20);
      client.recv(20);
      server.recv(20);
      server.recv(20);
    },
  },
  {
    id: 'close: with unread data: the peer is reset',
    run(t) {
      const { client, server } = t.connected();
      client.send('nobody reads this');
      server.close();
      client.poll();
      client.recv(1);
      client.recv(1);
      client.send('a');
      client.get('SO_ERROR');
      client.poll();
      client.getpeername();
      client.getsockname();
    },
  },
  {
    id: 'close: with partly read data',
    run(t) {
      const { client, server } = t.connected();
      client.send('0123456789');
      server.recv(9);
      server.close();
      client.recv(1);
    },
  },
  {
    id: 'close: with data peeked at, not read',
    run(t) {
      const { client, server } = t.connected();
      client.send('0123456789');
      server.recv(10, 2);
      server.close();
      client.recv(1);
    },
  },
  {
    id: 'close: with unread data of its own to be read by the peer',
    run(t) {
      const { client, server } = t.connected();
      server.send('the answer');
      client.send('unread');
      server.close();
      client.poll();
      client.recv(20);
      client.recv(20);
    },
  },
  {
    id: 'close: SO_LINGER 0 resets',
    run(t) {
      const { client, server } = t.connected();
      client.send('sent before');
      client.set('SO_LINGER', LINGER_0);
      client.close();
      server.poll();
      server.recv(20);
      server.recv(20);
      server.recv(20);
      server.poll();
    },
  },
  {
    id: 'close: SO_LINGER 0 after a FIN was sent',
    run(t) {
      const { client, server } = t.connected();
      client.shutdown(SHUT_WR);
      client.set('SO_LINGER', LINGER_0);
      client.close();
      server.poll();
      server.recv(1);
      server.recv(1);
      server.send('a');
      server.recv(1);
    },
  },
  {
    id: 'close: SO_LINGER 0 after the peer’s FIN',
    run(t) {
      const { client, server } = t.connected();
      client.shutdown(SHUT_WR);
      server.recv(1);
      server.set('SO_LINGER', LINGER_0);
      server.close();
      client.poll();
      client.recv(1);
      client.get('SO_ERROR');
    },
  },
  {
    id: 'close: writes after the peer closed: taken, then EPIPE',
    run(t) {
      const { client, server } = t.connected();
      server.close();
      client.poll();
      client.send('first');
      client.poll();
      client.send('second');
      client.send('third');
      client.recv(1);
      client.get('SO_ERROR');
    },
  },
  {
    id: 'close: the reset after a FIN is told by SO_ERROR',
    run(t) {
      const { client, server } = t.connected();
      server.close();
      client.send('first');
      client.get('SO_ERROR');
      client.send('second');
      client.recv(1);
    },
  },
  {
    id: 'close: the reset after a FIN is told by recv, or not at all',
    run(t) {
      const { client, server } = t.connected();
      server.close();
      client.send('first');
      client.recv(1);
      client.recv(1);
      client.send('second');
    },
  },
  {
    id: 'close: data unread when the reset comes',
    run(t) {
      const { client, server } = t.connected();
      server.send('unread');
      server.close();
      client.poll();
      client.send('a');
      client.poll();
      client.recv(20);
      client.recv(20);
      client.recv(20);
    },
  },
  {
    id: 'close: a reset connection, call by call: ECONNRESET once',
    run(t) {
      const { client, server } = t.connected();
      server.set('SO_LINGER', LINGER_0);
      server.close();
      client.poll();
      client.send('a');
      client.send('a');
      client.recv(1);
      client.recv(1);
      client.shutdown(SHUT_RDWR);
      client.connect(t.at('server'));
      client.poll();
    },
  },
  {
    id: 'shutdown: bad arguments and states without a connection',
    run(t) {
      const x = t.tcp('client', 'x');
      x.shutdown(3);
      x.shutdown(-1);
      x.shutdown(SHUT_RD);
      x.shutdown(SHUT_RDWR);
      x.poll();
      x.bind(t.at('client'));
      x.shutdown(SHUT_WR);
      x.listen(1);
      const { client } = t.connected();
      client.shutdown(3);
      client.shutdown(-1);
    },
  },
  {
    id: 'shutdown: a fresh socket shut down can still connect',
    run(t) {
      t.listener();
      const c = t.tcp('client', 'c');
      c.shutdown(SHUT_RDWR);
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.poll();
      c.send('a');
      c.recv(1);
    },
  },
  {
    id: 'shutdown: reading ends reading, and nothing else',
    run(t) {
      const { client, server } = t.connected();
      client.send('before');
      server.shutdown(SHUT_RD);
      server.poll();
      server.recv(20);
      server.recv(20);
      client.send('after');
      server.recv(20);
      server.recv(20);
      server.send('still sends');
      client.recv(20);
      client.poll();
    },
  },
  {
    id: 'shutdown: writing, again and again, then both',
    run(t) {
      const { client, server } = t.connected();
      client.shutdown(SHUT_WR);
      client.shutdown(SHUT_WR);
      client.shutdown(SHUT_RD);
      client.shutdown(SHUT_RDWR);
      client.poll();
      client.recv(1);
      server.send('goes nowhere');
      server.poll();
      server.send('again');
      client.poll();
    },
  },
  {
    id: 'shutdown: both ways at once on one side, data unread',
    run(t) {
      const { client, server } = t.connected();
      client.send('unread');
      server.shutdown(SHUT_RDWR);
      server.poll();
      client.poll();
      client.recv(1);
      server.recv(20);
      server.recv(20);
      server.send('a');
      server.close();
      client.get('SO_ERROR');
    },
  },
  {
    id: 'shutdown: after everything ended',
    run(t) {
      const { client, server } = t.connected();
      client.shutdown(SHUT_WR);
      server.shutdown(SHUT_WR);
      server.poll();
      server.shutdown(SHUT_RDWR);
      server.shutdown(SHUT_WR);
      client.shutdown(SHUT_WR);
      client.getpeername();
      server.getpeername();
      server.send('a');
      server.recv(1);
      server.connect(t.at('client'));
    },
  },
  {
    id: 'shutdown: a listener',
    run(t) {
      const l = t.listener();
      l.shutdown(SHUT_WR);
      l.poll();
      l.shutdown(SHUT_RD);
      l.poll();
      l.accept('s');
      l.getsockname();
      l.listen(1);
      l.get('SO_ACCEPTCONN');
    },
  },
];

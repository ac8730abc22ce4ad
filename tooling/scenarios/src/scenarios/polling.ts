/** `poll` at each step of a connection’s life, and what SO_RCVLOWAT and full buffers do to it. */
import { POLL, SHUT_RD, SHUT_RDWR, SHUT_WR } from '@netmem/uapi';
import type { Scenario } from '../scenario-run.ts';

export const POLLING: readonly Scenario[] = [
  {
    id: 'poll: a TCP socket from birth to the end',
    run(t) {
      const l = t.tcp('server', 'l');
      l.poll();
      l.bind(t.at('server'));
      l.poll();
      l.listen(3);
      l.poll();
      const c = t.tcp('client', 'c');
      c.poll();
      c.connect(t.at('server'));
      c.until(POLL.OUT);
      c.poll();
      l.poll();
      const s = l.accept('s');
      l.poll();
      s.poll();
      s.send('a');
      c.poll();
      c.recv(1);
      c.poll();
      c.shutdown(SHUT_WR);
      c.poll();
      s.poll();
      s.shutdown(SHUT_WR);
      s.poll();
      c.poll();
    },
  },
  {
    id: 'poll: shutdown of each direction',
    run(t) {
      for (const how of [SHUT_RD, SHUT_WR, SHUT_RDWR]) {
        const { client, server, listener } = t.connected();
        listener.close();
        client.shutdown(how);
        client.poll();
        server.poll();
        server.send('a');
        client.poll();
        t.quietly(() => {
          server.set('SO_LINGER', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
          client.set('SO_LINGER', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
          server.close();
          client.close();
        });
      }
    },
  },
  {
    id: 'poll: SO_RCVLOWAT is waited for, but not by reads',
    run(t) {
      const { client, server } = t.connected();
      server.set('SO_RCVLOWAT', 5);
      client.send('abcd');
      server.poll();
      server.recv(2);
      server.poll();
      client.send('efgh');
      server.poll();
      server.recv(2);
      server.poll();
      client.shutdown(SHUT_WR);
      server.poll();
      server.recv(10);
    },
  },
  {
    id: 'poll: SO_RCVLOWAT set when enough is there, or too much is asked',
    run(t) {
      const { client, server } = t.connected();
      client.send('abcd');
      server.set('SO_RCVLOWAT', 4);
      server.poll();
      server.set('SO_RCVLOWAT', 5);
      server.poll();
      server.set('SO_RCVLOWAT', 1);
      server.poll();
    },
  },
  {
    id: 'poll: a UDP socket',
    run(t) {
      const { client, server } = t.datagramPair();
      server.poll();
      client.sendTo(t.at('server'), 'one');
      server.poll();
      client.sendTo(t.at('server'), 'two');
      server.recv(10);
      server.poll();
      server.recv(10);
      server.poll();
      client.connect(t.at('server'));
      client.shutdown(SHUT_RD);
      client.poll();
      client.shutdown(SHUT_WR);
      client.poll();
    },
  },
  {
    id: 'poll: room to write comes back when the peer has read',
    run(t) {
      const { client, server } = t.connected({
        tune(c, l) {
          c.set('SO_SNDBUF', 30_000);
          l.set('SO_RCVBUF', 30_000);
        },
      });
      const sent = client.fill();
      client.poll();
      server.poll();
      server.drain(sent);
      client.until(POLL.OUT);
      client.poll();
    },
  },
];

/** The urgent byte: out of band, in line, and where the mark is. */
import { MSG_OOB, MSG_PEEK, MSG_TRUNC } from '@netmem/uapi';
import type { Scenario } from '../scenario-run.ts';

export const URGENT: readonly Scenario[] = [
  {
    id: 'urgent: a byte out of band, in the middle of a stream',
    run(t) {
      const { client, server } = t.connected();
      client.send('abc');
      client.send('xyZ', MSG_OOB);
      client.send('def');
      server.poll();
      server.recv(1, MSG_OOB | MSG_PEEK);
      server.recvmsg({ iov: [10] }, MSG_OOB);
      server.poll();
      server.recv(1, MSG_OOB);
      server.recv(100);
      server.recv(100);
      server.recv(100);
    },
  },
  {
    id: 'urgent: read past without being taken',
    run(t) {
      const { client, server } = t.connected();
      client.send('abZ', MSG_OOB);
      client.send('cd');
      server.recv(100);
      server.poll();
      server.recv(1, MSG_OOB | MSG_PEEK);
      server.recv(100);
      server.poll();
      server.recv(1, MSG_OOB);
    },
  },
  {
    id: 'urgent: nothing else there: readable or not',
    run(t) {
      const { client, server } = t.connected();
      client.send('Z', MSG_OOB);
      server.poll();
      server.recv(10);
      server.poll();
      server.recv(1, MSG_OOB);
      server.poll();
      client.send('a');
      server.poll();
      server.recv(10);
    },
  },
  {
    id: 'urgent: in line',
    run(t) {
      const { client, server } = t.connected();
      server.set('SO_OOBINLINE', 1);
      client.send('abZ', MSG_OOB);
      client.send('cd');
      server.poll();
      server.recv(1, MSG_OOB);
      server.recv(100);
      server.recv(100);
      server.recv(100);
      server.poll();
    },
  },
  {
    id: 'urgent: a second one before the first was taken',
    run(t) {
      const { client, server } = t.connected();
      client.send('aY', MSG_OOB);
      client.send('bZ', MSG_OOB);
      server.poll();
      server.recv(100);
      server.recv(1, MSG_OOB);
      server.recv(100);
      server.recv(1, MSG_OOB);
    },
  },
  {
    id: 'urgent: room for nothing, and MSG_TRUNC',
    run(t) {
      const { client, server } = t.connected();
      client.send('Z', MSG_OOB);
      server.recvmsg({ iov: [0] }, MSG_OOB | MSG_PEEK);
      server.recvmsg({ iov: [] }, MSG_OOB | MSG_PEEK);
      server.recvmsg({ iov: [5] }, MSG_OOB | MSG_TRUNC);
      client.send('Y', MSG_OOB);
      server.recvmsg({ iov: [0] }, MSG_OOB);
      server.recv(1, MSG_OOB);
    },
  },
  {
    id: 'urgent: peeking over the mark',
    run(t) {
      const { client, server } = t.connected();
      client.send('abZ', MSG_OOB);
      client.send('cd');
      server.recv(100, MSG_PEEK);
      server.recv(2);
      server.recv(100, MSG_PEEK);
      server.recv(100);
    },
  },
  {
    id: 'urgent: still told after the peer closed',
    run(t) {
      const { client, server } = t.connected();
      client.send('aZ', MSG_OOB);
      client.close();
      server.poll();
      server.recv(10);
      server.recv(1, MSG_OOB);
      server.recv(10);
      server.recv(1, MSG_OOB);
    },
  },
  {
    id: 'urgent: sent where there is no connection',
    run(t) {
      t.tcp('client', 'c').send('Z', MSG_OOB);
      const { client, server } = t.datagramPair();
      client.connect(t.at('server'));
      client.send('Z', MSG_OOB);
      server.recv(1, MSG_OOB);
      server.recv(1);
    },
  },
];

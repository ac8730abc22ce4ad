import type { Scenario } from '../scenario-run.ts';

export const SCENARIOS: readonly Scenario[] = [
  {
    id: 'smoke',
    run(t) {
      const { client, server } = t.connected();
      client.send('hello');
      server.poll();
      server.recv(10);
      server.recv(10);
      client.getsockname();
      client.getpeername();
      server.getpeername();
      client.close();
      server.poll();
      server.recv(1);
    },
  },
];

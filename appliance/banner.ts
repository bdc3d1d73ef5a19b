/** What the person who typed `npm start` reads: the address for Moonlight, the PIN page, what to do next. */
import type { NetworkInterfaceInfo } from 'node:os';
import { MOONLIGHT_PORTS } from '../core/protocol/moonlight/ports.ts';
import { bracketed, reachableAddresses, typedAddress } from '../core/runtime/reachable.ts';
import type { AppliancePorts } from './appliance.ts';
import type { ApplianceConfig } from './config.ts';

export interface BannerFacts {
  config: Pick<ApplianceConfig, 'bindAddress' | 'web'>;
  ports: AppliancePorts;
  /** `os.networkInterfaces()`. */
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>;
  isDemo: boolean;
}

/** Text of a few lines, ending in a newline. */
export function formatBanner({ config, ports, interfaces, isDemo }: BannerFacts): string {
  const addresses = reachableAddresses(config.bindAddress, interfaces).map((address) =>
    typedAddress(address, ports.http, MOONLIGHT_PORTS.http),
  );
  const page = `http://${bracketed(config.web.bindAddress)}:${ports.web}/`;
  const steps = [
    `In Moonlight, add the host ${addresses.join(' or ')}`,
    `Type the PIN that Moonlight shows into ${page}`,
    isDemo ? 'Start the app "Test card"; a key press changes the picture' : 'Start an app',
  ];
  return [
    '',
    'Gleipnir is up.',
    '',
    ...steps.map((step, index) => `  ${index + 1}. ${step}.`),
    '',
    `Open to clients: TCP ${ports.https}, ${ports.http}, ${ports.rtsp}; UDP ${ports.control}, ${ports.video}, ${ports.audio}.`,
    ...(isDemo ? ['This is the demo host; README.md says how to add your own.'] : []),
    'Stop with Ctrl-C.',
    '',
    '',
  ].join('\n');
}

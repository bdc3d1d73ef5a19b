/** Every page as HTML, loaded together when the first one is asked for: the start does not wait for them. */
export { renderClientsPage } from './clients-page.ts';
export { renderHistoryPage } from './history-page.ts';
export { renderHostsPage } from './hosts-page.ts';
export { renderOverviewPage } from './overview-page.ts';
export { renderPairingPage } from './pairing-page.ts';
export { renderSessionsPage } from './sessions-page.ts';

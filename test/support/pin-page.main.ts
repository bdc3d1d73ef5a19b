/** `pin-page.main.ts URL type PIN` and `pin-page.main.ts URL read`: the PIN page from inside another namespace. */
import { readAwaitedPins, typePin } from './pin-page.ts';

const [url = '', verb = '', pin = ''] = process.argv.slice(2);
process.stdout.write(verb === 'type' ? await typePin(url, pin) : JSON.stringify(await readAwaitedPins(url)));

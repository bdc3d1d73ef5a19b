/** The page where a person logs in by password. */
import { html } from './html.ts';
import { NOTHING, renderDocument, statusOf, tokenField, type PageModel } from './layout.ts';

/** Needs no script. */
export function renderLoginPage({
  hostname,
  token,
  message,
}: Pick<PageModel, 'hostname' | 'token' | 'message'>): string {
  return renderDocument({
    title: `Log in – ${hostname}`,
    head: NOTHING,
    body: html`<main class="narrow">
      <h1>${hostname}</h1>
      ${statusOf(message)}
      <form method="post" action="/login" class="card">
        ${tokenField(token)}
        <div class="field">
          <label for="user">Name</label>
          <input
            id="user"
            name="user"
            maxlength="64"
            autocomplete="username"
            autocapitalize="none"
            required
            autofocus
          />
        </div>
        <div class="field">
          <label for="password">Password</label>
          <input
            id="password"
            name="password"
            type="password"
            maxlength="1000"
            autocomplete="current-password"
            required
          />
        </div>
        <button type="submit">Log in</button>
      </form>
    </main>`,
  });
}

"""Tickets that are filed, and new ones with the filed one that each of them is about, if any."""

FILED: dict[str, tuple[str, str]] = {
    "cart-limit": (
        "Checkout fails at 100 items",
        "POST /checkout answers 500 from the 100th item on; MAX_ITEMS in cart/limits.py is 99.",
    ),
    "checkout-slow": (
        "Checkout takes 20 seconds for guests",
        "Guests wait for the address lookup before the payment page appears.",
    ),
    "pay-declined": (
        "Declined cards show a blank page",
        "When the payment provider declines a card, the result page stays empty.",
    ),
    "export-crash": (
        "Nightly export crashes on empty orders",
        "export_orders.py raises KeyError: 'lines' when an order has no lines.",
    ),
    "export-encoding": (
        "Export writes umlauts as question marks",
        "The CSV export is written in ASCII; customers in Köln see K?ln.",
    ),
    "login-loop": (
        "Login redirects in a loop",
        "After the password is entered, /login and /account redirect to one another.",
    ),
    "login-lock": (
        "Accounts are locked after one wrong password",
        "LOCK_AFTER is 1 in production, the policy says five attempts.",
    ),
    "dark-mode": (
        "Add a dark mode to the shop",
        "Many customers ask for dark colours; the design system has them already.",
    ),
    "search-empty": (
        "Search finds nothing for product numbers",
        "Typing AB-1234 into the search field gives no results, the product exists.",
    ),
    "search-slow": (
        "Search suggestions lag behind typing",
        "Each key press sends a request; they should be debounced.",
    ),
    "mail-twice": (
        "Order confirmation is mailed twice",
        "The queue worker retries after a timeout although the mail was sent.",
    ),
    "mail-spam": (
        "Confirmation mails end up in spam",
        "DKIM is not signed for the new sender domain.",
    ),
    "image-rotate": (
        "Uploaded photos are rotated",
        "EXIF orientation is ignored when thumbnails are made.",
    ),
    "image-size": (
        "Product images are not compressed",
        "The category page loads 40 MB of PNG files.",
    ),
    "vat-ch": (
        "Swiss orders are charged German VAT",
        "tax.rate_for() ignores the country when the billing address is missing.",
    ),
    "stock-negative": (
        "Stock goes below zero",
        "Two orders at the same time both take the last item; reserve() has a race.",
    ),
    "api-504": (
        "HTTP_504 from the inventory API every night",
        "Between 02:00 and 02:10 UTC GET /inventory times out; the gateway gives up after 30 s.",
    ),
    "api-docs": (
        "Document the inventory API",
        "Partners ask which fields GET /inventory returns and what its limits are.",
    ),
    "ci-flaky": (
        "test_checkout_total is flaky in CI",
        "It fails about once in ten runs with AssertionError: 19.99 != 20.00.",
    ),
    "ci-slow": (
        "CI takes 40 minutes",
        "The browser tests run one after another; split them over several jobs.",
    ),
    "deploy-rollback": (
        "Rolling back a deployment leaves old migrations",
        "deploy.sh --rollback restores the image, not the schema.",
    ),
    "coupon-stack": (
        "Decide whether coupons can be combined",
        "Support combines coupons by hand; the shop allows one per order.",
    ),
    "address-ie": (
        "Irish addresses are rejected without a postcode",
        "The form requires a postcode; Eircodes are optional for many senders.",
    ),
    "gdpr-delete": (
        "Deleting an account keeps the reviews",
        "Reviews of deleted customers still show their full name.",
    ),
}
"""What a project's open tickets say, by what the labels call them."""

NEW: list[tuple[str, str, str | None]] = [
    (
        "500 error on checkout with 100 items",
        "Adding the 100th item to the cart and checking out gives an internal server error.",
        "cart-limit",
    ),
    (
        "Checkout broken for carts of 100 items or more",
        "It answers 500. cart/limits.py says 99.",
        "cart-limit",
    ),
    (
        "Guest checkout is very slow",
        "It takes about 20 seconds until guests see the payment page.",
        "checkout-slow",
    ),
    (
        "Blank page when a card is declined",
        "Customers whose card was declined see an empty page after paying.",
        "pay-declined",
    ),
    (
        "KeyError 'lines' in the nightly export",
        "The export of last night crashed in export_orders.py.",
        "export-crash",
    ),
    (
        "Umlauts broken in CSV export",
        "ö and ü come out as question marks, in Köln for one.",
        "export-encoding",
    ),
    (
        "Endless redirects after logging in",
        "The browser stops with too many redirects between /login and /account.",
        "login-loop",
    ),
    (
        "Account locked after a single wrong password",
        "One typo locks customers out; it should be five attempts.",
        "login-lock",
    ),
    ("Dark mode for the shop", "Customers want dark colours in the evening.", "dark-mode"),
    (
        "Product number search returns no results",
        "Searching for AB-1234 finds nothing although the product exists.",
        "search-empty",
    ),
    (
        "Order confirmation mails are sent twice",
        "Customers get two confirmations for one order since Monday.",
        "mail-twice",
    ),
    (
        "Photos rotated after upload",
        "Portrait photos of phones lie on their side in thumbnails.",
        "image-rotate",
    ),
    (
        "German VAT on orders from Switzerland",
        "Swiss customers pay 19 % VAT when no billing address is given.",
        "vat-ch",
    ),
    (
        "Race: negative stock when two customers buy the last item",
        "reserve() lets both orders through at the same time.",
        "stock-negative",
    ),
    (
        "Inventory API times out at night",
        "GET /inventory gives HTTP 504 at 02:05 UTC.",
        "api-504",
    ),
    (
        "Flaky test: test_checkout_total",
        "Fails now and then in CI: 19.99 != 20.00.",
        "ci-flaky",
    ),
    (
        "Rollback of a deployment does not roll back migrations",
        "After deploy.sh --rollback the schema is still the new one.",
        "deploy-rollback",
    ),
    (
        "Can coupons be combined?",
        "Support asks whether an order may have more than one coupon.",
        "coupon-stack",
    ),
    (
        "Postcode required for Irish addresses",
        "Customers in Ireland without an Eircode can't order.",
        "address-ie",
    ),
    (
        "Reviews of deleted accounts show names",
        "After an account is deleted its reviews still have the full name.",
        "gdpr-delete",
    ),
    # Others that only share words with what is there.
    ("Checkout button is off-center on phones", "On small screens it touches the edge.", None),
    ("Add gift wrapping to the checkout", "A box to tick, with a price per item.", None),
    ("Export invoices as PDF", "Accounting wants one file a month.", None),
    ("Login with a passkey", "Offer WebAuthn beside the password.", None),
    ("Search results should show the price", "It is on the product page alone.", None),
    ("Order history shows times in UTC", "It should be the customer's own time zone.", None),
    ("Mail the invoice with the parcel notice", "As an attachment, if the customer wants.", None),
    ("Upload several product images at once", "Today it is one file after another.", None),
    ("Show stock on the category page", "Customers only see it on the product page.", None),
    ("Rate limit the inventory API", "A partner sends 200 requests a second.", None),
    ("Upgrade CI to Python 3.13", "The images are there.", None),
    ("Decide on a name for the loyalty scheme", "Marketing needs it by May.", None),
    ("Address autocomplete for Austria", "The provider has the data since March.", None),
    ("Accounts for wholesale customers", "With their own prices and net totals.", None),
    ("Fix typo in the imprint", "It says Gemany.", None),
    ("Customers can't change their mail address", "The form has no field for it.", None),
    ("Deleted products still appear in wish lists", "They lead to a page that says 404.", None),
    ("Coupon field is missing on phones", "It is there on wide screens.", None),
    ("Payment by invoice for companies", "Many ask for it; limit 500 euros.", None),
    ("Test data for the staging shop", "Orders, customers and products that look real.", None),
]
"""Title, description, and what the ticket repeats."""

"""Who a network keeps company with: a memory, trees, and what came lately; and how all are listened to."""
